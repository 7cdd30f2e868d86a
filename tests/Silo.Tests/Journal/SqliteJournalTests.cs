using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class SqliteJournalTests : JournalContractDurable
{
    private readonly TemporaryDirectory directory = new();
    private SqliteDatabase? database;

    protected override Task<IJournal> OpenAsync() =>
        Task.FromResult<IJournal>(new SqliteJournal(database = SqliteDatabase.Open(directory.Path)));

    protected override Task CloseAsync() => database!.DisposeAsync().AsTask();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        directory.Dispose();
    }
}
