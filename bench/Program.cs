using Orleans.Personalize.Bench;

var scenarios = new Dictionary<string, Func<Task>>
{
    ["grain-calls"] = GrainCalls.RunAsync,
    ["sqlite-journal"] = SqliteJournalBench.RunAsync,
    ["postgres-journal"] = PostgresJournalBench.RunAsync,
    ["ingest"] = IngestBench.RunAsync,
    ["content"] = ContentBench.RunAsync,
    ["lookup"] = LookupBench.RunAsync,
};
var chosen = args is ["all" or "smoke"] ? [.. scenarios.Keys] : args;
if (chosen.Length == 0 || !chosen.All(scenarios.ContainsKey))
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- all | smoke | {string.Join(" | ", scenarios.Keys)}");
    return 64;
}
// A smoke run only shows that everything still runs.
Rounds.AreShort = args is ["smoke"];
foreach (var name in chosen)
    await scenarios[name]();
return 0;
