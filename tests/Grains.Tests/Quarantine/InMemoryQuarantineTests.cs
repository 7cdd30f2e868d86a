using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Quarantine;

public sealed class InMemoryQuarantineTests : QuarantineContract
{
    protected override Task<IQuarantine> OpenAsync(QuarantineLimits limits) => Task.FromResult<IQuarantine>(new InMemoryQuarantine(limits));
}
