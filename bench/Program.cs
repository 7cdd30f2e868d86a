using Orleans.Personalize.Bench;

var scenarios = new Dictionary<string, Func<Task>>
{
    ["sqlite-journal"] = SqliteJournalBench.RunAsync,
};
var chosen = args is ["all"] ? [.. scenarios.Keys] : args;
if (chosen.Length == 0 || !chosen.All(scenarios.ContainsKey))
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- all | {string.Join(" | ", scenarios.Keys)}");
    return 64;
}
foreach (var name in chosen)
    await scenarios[name]();
return 0;
