using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class SqliteJournalTests : JournalContractDurable
{
    private readonly TemporaryDirectory _directory = new();
    private SqliteDatabase? _database;

    protected override Task<IJournal> OpenAsync() =>
        Task.FromResult<IJournal>(new SqliteJournal(_database = SqliteDatabase.Open(_directory.Path)));

    protected override Task CloseAsync() => _database!.DisposeAsync().AsTask();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Dispose();
    }
}
