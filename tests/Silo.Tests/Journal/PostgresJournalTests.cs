using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

[PostgresRequired]
public sealed class PostgresJournalTests : JournalContractDurable
{
    private PostgresSandbox? _sandbox;

    protected override async Task<IJournal> OpenAsync() =>
        new PostgresJournal(await (_sandbox ??= await PostgresSandbox.CreateAsync()).OpenAsync());

    protected override Task CloseAsync() => _sandbox!.CloseAsync();

    public override async Task DisposeAsync() => await _sandbox!.DisposeAsync();
}
