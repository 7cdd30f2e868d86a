using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

[PostgresRequired]
public sealed class PostgresQuarantineTests : QuarantineContractDurable
{
    private PostgresSandbox? sandbox;

    protected override async Task<IQuarantine> OpenAsync(QuarantineLimits limits)
    {
        if (sandbox is not null)
            await sandbox.CloseAsync();
        return new PostgresQuarantine(await (sandbox ??= await PostgresSandbox.CreateAsync()).OpenAsync(), limits);
    }

    public override async Task DisposeAsync() => await sandbox!.DisposeAsync();
}
