using System.Diagnostics;

namespace Orleans.Personalize.Bench;

/// <param name="Latencies">Of the accepted requests, in milliseconds, sorted.</param>
/// <param name="RefusedLatencies">The same of those that were answered 429.</param>
/// <param name="Unmarked">Answers 429 that did not say when to come again.</param>
internal sealed record LoadResult(TimeSpan Elapsed, double[] Latencies, double[] RefusedLatencies, int Unmarked)
{
    public double Rate => Latencies.Length / Elapsed.TotalSeconds;

    public static double At(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[(int)(share * (sorted.Length - 1))];
}

/// <summary>Requests from this process to a server in another.</summary>
internal static class HttpLoad
{
    /// <summary>Each connection sends its next request when it has the answer to the one before: as fast as it goes.</summary>
    public static async Task<LoadResult> ClosedAsync(HttpConnection[] connections, Func<EventRequest> make, Func<Random, int> customer, TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        var taken = await Task.WhenAll(connections.Select((connection, number) => Task.Run(async () =>
        {
            var (random, request, sample) = (new Random(number), make(), new Sample());
            while (watch.Elapsed < time)
            {
                var began = Stopwatch.GetTimestamp();
                sample.Add(await connection.SendAsync(request.Next(() => customer(random))), began, connection);
            }
            return sample;
        })));
        return Sample.Sum(taken, watch.Elapsed);
    }

    /// <summary>
    /// Requests at a fixed rate, whatever the answers: a request that has no free connection at its time waits for one, and that counts as its latency.
    /// </summary>
    /// <param name="rate">Requests a second.</param>
    /// <param name="onIntended">Told of each customer at whose event's intended instant (of <see cref="Stopwatch.GetTimestamp"/>).</param>
    public static async Task<LoadResult> OpenAsync(
        HttpConnection[] connections, Func<EventRequest> make, Func<Random, int> customer, double rate, TimeSpan time, Action<int, long>? onIntended = null)
    {
        var start = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 100);
        var count = (long)(rate * time.TotalSeconds);
        var next = -1L;
        using var due = new SemaphoreSlim(0);
        var pacer = new Thread(() => Pace(due, start, rate, count, connections.Length)) { IsBackground = true };
        pacer.Start();
        var taken = await Task.WhenAll(connections.Select((connection, number) => Task.Run(async () =>
        {
            var (random, request, sample) = (new Random(number), make(), new Sample());
            while (true)
            {
                await due.WaitAsync();
                var turn = Interlocked.Increment(ref next);
                if (turn >= count)
                    return sample;
                var intended = start + (long)(turn / rate * Stopwatch.Frequency);
                var bytes = request.Next(() =>
                {
                    var chosen = customer(random);
                    onIntended?.Invoke(chosen, intended);
                    return chosen;
                });
                sample.Add(await connection.SendAsync(bytes), intended, connection);
            }
        })));
        return Sample.Sum(taken, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>A thread of its own, for the pool's timers are no finer than it and would run late under load.</summary>
    private static void Pace(SemaphoreSlim due, long start, double rate, long count, int connections)
    {
        for (var released = 0L; released < count;)
        {
            var until = Math.Min(count, (long)((Stopwatch.GetTimestamp() - start) / (double)Stopwatch.Frequency * rate) + 1);
            if (until > released)
                due.Release((int)(until - released));
            released = Math.Max(released, until);
            Thread.Sleep(1);
        }
        // Lets each connection see that it is over.
        due.Release(connections);
    }

    private sealed class Sample
    {
        private readonly List<double> accepted = [];
        private readonly List<double> refused = [];
        private int unmarked;

        public void Add(int status, long since, HttpConnection connection)
        {
            var taken = Stopwatch.GetElapsedTime(since).TotalMilliseconds;
            if (status is >= 200 and < 300)
                accepted.Add(taken);
            else if (status != 429)
                throw new InvalidOperationException($"The server answered {connection.Head}{connection.Body}");
            else
            {
                refused.Add(taken);
                unmarked += connection.Head.Contains("\r\nRetry-After: ", StringComparison.OrdinalIgnoreCase) ? 0 : 1;
            }
        }

        public static LoadResult Sum(Sample[] samples, TimeSpan elapsed) => new(
            elapsed, [.. samples.SelectMany(static one => one.accepted).Order()], [.. samples.SelectMany(static one => one.refused).Order()], samples.Sum(static one => one.unmarked));
    }
}
