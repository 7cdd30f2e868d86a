using System.Diagnostics;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Reads over HTTP: how many a second, and how long each took. The kinds take turns, the first is the baseline. The clients run in the same process and
/// cost what they cost in all of them.
/// </summary>
internal static class GetLoad
{
    public static async Task CompareAsync(HttpClient http, int clients, params (string Name, Func<Random, string> Path)[] kinds)
    {
        var rates = kinds.Select(static _ => new List<double>()).ToArray();
        var times = kinds.Select(static _ => new List<double>()).ToArray();
        for (var round = 0; round <= Rounds.Count; round++)
        {
            for (var i = 0; i < kinds.Length; i++)
            {
                var (rate, taken) = await RoundAsync(http, clients, kinds[i].Path, round);
                if (round == 0)
                    continue;
                rates[i].Add(rate);
                times[i].AddRange(taken);
            }
        }
        for (var i = 0; i < kinds.Length; i++)
        {
            var ratio = Rounds.Median(rates[i].Zip(rates[0], static (own, baseline) => own / baseline));
            times[i].Sort();
            Console.WriteLine(
                $"  {kinds[i].Name,-32} {Rounds.Median(rates[i]),10:N0} requests/s   {ratio,6:F2} of {kinds[0].Name}   p50 {At(times[i], 0.5):F2} ms   p99 {At(times[i], 0.99):F2} ms");
        }
    }

    private static double At(List<double> sorted, double share) => sorted[(int)(share * (sorted.Count - 1))];

    private static async Task<(double Rate, double[] Milliseconds)> RoundAsync(HttpClient http, int clients, Func<Random, string> path, int round)
    {
        var watch = Stopwatch.StartNew();
        var taken = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random((round * clients) + client);
            var milliseconds = new List<double>();
            while (watch.Elapsed < Rounds.Time)
            {
                var start = Stopwatch.GetTimestamp();
                using var response = await http.GetAsync(path(random));
                response.EnsureSuccessStatusCode();
                milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            return milliseconds;
        })));
        return (taken.Sum(static each => each.Count) / watch.Elapsed.TotalSeconds, [.. taken.SelectMany(static each => each)]);
    }
}
