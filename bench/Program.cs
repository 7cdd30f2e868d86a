using Orleans.Personalize.Bench;

if (args is [Serve.Command, var directory])
{
    await Serve.RunAsync(directory);
    return 0;
}
if (args is ["load", var kind])
{
    await DurableBench.LoadAsync(int.Parse(kind, System.Globalization.CultureInfo.InvariantCulture));
    return 0;
}
var scenarios = new Dictionary<string, Func<Task>>
{
    ["grain-calls"] = GrainCalls.RunAsync,
    ["sqlite-journal"] = SqliteJournalBench.RunAsync,
    ["postgres-journal"] = PostgresJournalBench.RunAsync,
    ["durable"] = DurableBench.RunAsync,
    ["grain-apply"] = GrainApply.RunAsync,
    ["latency"] = LatencyBench.RunAsync,
    ["overload"] = OverloadBench.RunAsync,
    ["growth"] = GrowthBench.RunAsync,
    ["ingest"] = IngestBench.RunAsync,
    ["content"] = ContentBench.RunAsync,
    ["lookup"] = LookupBench.RunAsync,
};
// What grows takes many minutes, on demand.
var chosen = args switch
{
    ["all"] => [.. scenarios.Keys.Where(static name => name != "growth")],
    ["smoke"] => [.. scenarios.Keys],
    ["smoke", .. var some] => some,
    _ => args,
};
if (chosen.Length == 0 || !chosen.All(scenarios.ContainsKey))
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- all | smoke [scenario] | {string.Join(" | ", scenarios.Keys)}");
    return 64;
}
// A smoke run only shows that everything still runs.
Rounds.AreShort = args is ["smoke", ..];
foreach (var name in chosen)
    await scenarios[name]();
Figures.Finish("bench.json");
return 0;
