using Orleans.Personalize.Diagnostics;
using Polly;
using Polly.CircuitBreaker;

namespace Orleans.Personalize.Sending;

/// <summary>
/// What stands between a sender's queue and its provider: a rate, a time-out, and a circuit breaker that keeps everybody away from a provider that does
/// not answer. It belongs to one grain, which is the only one of its sender in the cluster, and to its turns.
/// </summary>
internal sealed class SenderPipeline
{
    /// <summary>Longer than any sender's own time-out, shorter than the authorization's lease.</summary>
    private static readonly TimeSpan DeliveryTimeout = TimeSpan.FromSeconds(60);

    /// <summary>The breaker opens when half of the deliveries within this time came to nothing.</summary>
    private static readonly TimeSpan SamplingTime = TimeSpan.FromSeconds(30);

    /// <summary>Fewer deliveries within that time tell nothing.</summary>
    private const int SampleMin = 10;

    /// <summary>How long the breaker stays open at first; it doubles with each attempt that shows that it still has to.</summary>
    private static readonly TimeSpan BreakMin = TimeSpan.FromSeconds(30);

    /// <summary>The longest that it stays open, and that a provider's Retry-After keeps everybody away.</summary>
    public static readonly TimeSpan BreakMax = TimeSpan.FromMinutes(5);

    /// <summary>How soon those come back who met an attempt to close the breaker.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

    /// <summary>What one of the deliveries at the same time is thought to manage a second before anything was measured.</summary>
    private const double SpeedGuess = 20;

    /// <summary>Over which the sender's own speed is measured.</summary>
    private static readonly TimeSpan SpeedTime = TimeSpan.FromSeconds(1);

    private readonly TimeProvider clock;
    private readonly CircuitBreakerStateProvider breaker = new();
    private readonly ResiliencePipeline<Delivery> pipeline;
    private DateTimeOffset restsUntil;
    private DateTimeOffset nextStart;
    private DateTimeOffset nextReturn;
    private DateTimeOffset speedSince;
    private int finished;
    private double speed;
    private bool isProbing;
    private bool isCountedOpen;

    public SenderPipeline(TimeProvider clock)
    {
        this.clock = clock;
        pipeline = new ResiliencePipelineBuilder<Delivery> { TimeProvider = clock }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<Delivery>
            {
                ShouldHandle = static attempt => ValueTask.FromResult(attempt.Outcome.Result is not { Outcome: SendOutcome.Sent or SendOutcome.Failed }),
                SamplingDuration = SamplingTime,
                MinimumThroughput = SampleMin,
                FailureRatio = 0.5,
                BreakDurationGenerator = opened =>
                {
                    var pause = Min(BreakMin * Math.Pow(2, Math.Min(opened.HalfOpenAttempts, 10)), BreakMax);
                    restsUntil = clock.GetUtcNow() + pause;
                    return ValueTask.FromResult(pause);
                },
                StateProvider = breaker,
            })
            .Build();
    }

    /// <summary>Null while deliveries may begin.</summary>
    public DateTimeOffset? RestsUntil => restsUntil > clock.GetUtcNow() ? restsUntil : null;

    /// <summary><c>closed</c>, <c>open</c> or <c>half-open</c>, as circuit breakers are: closed is well.</summary>
    public string State => breaker.CircuitState switch
    {
        CircuitState.Closed => RestsUntil is null ? "closed" : "open",
        CircuitState.HalfOpen => "half-open",
        _ => RestsUntil is null ? "half-open" : "open",
    };

    /// <summary>It is used no more.</summary>
    public void Close() => Note(isOpen: false);

    /// <summary>
    /// When a send that finds no room is to come back: one after another, at the sender's rate, or without one twice as fast as it last delivered, so that its
    /// queue never runs dry.
    /// </summary>
    public DateTimeOffset Return(SenderTerms? terms)
    {
        var now = clock.GetUtcNow();
        var earliest = RestsUntil ?? now + ProbePause;
        var rate = terms?.Rate ?? Math.Max(2 * speed, SpeedGuess * (terms?.Concurrency ?? SenderTerms.ConcurrencyDefault));
        nextReturn = (nextReturn > earliest ? nextReturn : earliest) + TimeSpan.FromSeconds(1 / rate);
        return nextReturn;
    }

    /// <summary>Waits for the next delivery's turn under the rate.</summary>
    public async Task Pace(SenderTerms? terms)
    {
        if (terms?.Rate is not { } rate)
            return;
        var now = clock.GetUtcNow();
        var start = nextStart > now ? nextStart : now;
        nextStart = start + TimeSpan.FromSeconds(1 / rate);
        if (start > now)
            await Task.Delay(start - now, clock);
    }

    /// <summary>
    /// Whether a delivery may begin. While the breaker is to be closed again only one at a time may, and has to <see cref="Leave"/>.
    /// </summary>
    public bool TryEnter()
    {
        if (RestsUntil is not null || isProbing)
            return false;
        isProbing = breaker.CircuitState != CircuitState.Closed;
        return true;
    }

    public void Leave()
    {
        isProbing = false;
        finished++;
        var now = clock.GetUtcNow();
        var past = now - speedSince;
        if (past < SpeedTime)
            return;
        // A sender that was idle meanwhile is not slow.
        speed = past < 2 * SpeedTime ? finished / past.TotalSeconds : speed;
        (speedSince, finished) = (now, 0);
    }

    public async Task<Delivery> Deliver(ISender sender, SendMessage message)
    {
        // On the turns of the grain, also behind the pipeline.
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: true);
        try
        {
            var delivery = await pipeline.ExecuteAsync(
                static async (context, attempt) => await attempt.Self.DeliverUncounted(attempt.Sender, attempt.Message), context, (Self: this, Sender: sender, Message: message));
            if (delivery.RetryAfter is { } asked && clock.GetUtcNow() + Min(asked, BreakMax) is var until && until > restsUntil)
                restsUntil = until;
            return delivery;
        }
        catch (BrokenCircuitException broken)
        {
            // It opened between the question whether it is and this attempt.
            return new(SendOutcome.Retry, Detail: "The provider does not answer.", RetryAfter: broken.RetryAfter);
        }
        finally
        {
            // Not by the breaker's own callbacks: those run on the thread pool, and this waits for them.
            Note(breaker.CircuitState != CircuitState.Closed);
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>Whatever the breaker says, and without telling it what came of it.</summary>
    public async Task<Delivery> DeliverUncounted(ISender sender, SendMessage message)
    {
        using var timeout = new CancellationTokenSource(DeliveryTimeout, clock);
        try
        {
            // A sender that does not heed the cancellation must not keep its place for ever.
            return await sender.DeliverAsync(message, timeout.Token).WaitAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new(SendOutcome.Unknown, Detail: $"No answer within {DeliveryTimeout.TotalSeconds:0} s.");
        }
        catch (Exception failure)
        {
            return new(SendOutcome.Unknown, Detail: failure.Message);
        }
    }

    private void Note(bool isOpen)
    {
        if (isOpen == isCountedOpen)
            return;
        isCountedOpen = isOpen;
        Instruments.OnBreaker(isOpen);
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
