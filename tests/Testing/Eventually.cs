using System.Diagnostics;

namespace Orleans.Personalize.Testing;

/// <summary>Waits for what comes at a time of its own.</summary>
public static class Eventually
{
    /// <summary>When a wait gives up: far more than anything needs, also on a busy machine, so that it says broken and not slow.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public static Task TrueAsync(Func<bool> condition, Func<string> what, TimeSpan? patience = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, patience);

    /// <param name="what">What is waited for; part of the failure's message.</param>
    /// <param name="patience">For what takes long by its nature.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> what, TimeSpan? patience = null)
    {
        var limit = patience ?? Patience;
        for (var since = Stopwatch.StartNew(); !await condition();)
        {
            Assert.True(since.Elapsed < limit, $"Not within {limit}: {what()}");
            await Task.Delay(Pause);
        }
    }
}
