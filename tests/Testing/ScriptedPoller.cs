#if !ORLEANS
using Orleans.Personalize.Sources;

namespace Orleans.Personalize.Testing;

/// <summary>A polled source that answers as the test says, and remembers from where it was asked.</summary>
public sealed class ScriptedPoller : IPoller
{
    /// <summary>Null: there is no such source.</summary>
    public PollPlan? Plan { get; set; }

    public Func<PollPosition, PollOutcome> OnPoll { get; set; } = static position => new(position);

    public List<PollPosition> Asked { get; } = [];

    public Task<PollPlan?> PlanAsync(string workspace, string source) => Task.FromResult(Plan);

    public Task<PollOutcome> PollAsync(string workspace, string source, PollPosition position, CancellationToken cancellation)
    {
        Asked.Add(position);
        return Task.FromResult(OnPoll(position));
    }
}
#endif
