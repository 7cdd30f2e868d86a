using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class InMemoryJournalTests : JournalContract
{
    protected override Task<IJournal> OpenAsync() => Task.FromResult<IJournal>(new InMemoryJournal());
}
