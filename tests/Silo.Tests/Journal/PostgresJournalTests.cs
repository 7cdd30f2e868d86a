using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

[PostgresRequired]
public sealed class PostgresJournalTests : JournalContractDurable
{
    private PostgresSandbox? sandbox;

    protected override async Task<IJournal> OpenAsync() =>
        new PostgresJournal(await (sandbox ??= await PostgresSandbox.CreateAsync()).OpenAsync());

    protected override Task CloseAsync() => sandbox!.CloseAsync();

    public override async Task DisposeAsync() => await sandbox!.DisposeAsync();
}
