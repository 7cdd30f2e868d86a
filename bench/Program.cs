using Orleans.Personalize.Bench;

var scenarios = new Dictionary<string, Func<Task>>(StringComparer.Ordinal)
{
    ["grain-calls"] = GrainCalls.RunAsync,
};

var chosen = scenarios.Where(scenario => args is ["all"] || args.Contains(scenario.Key)).ToArray();
if (chosen.Length == 0)
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project bench -- all | {string.Join(" | ", scenarios.Keys)}");
    return 64;
}

foreach (var (_, run) in chosen)
    await run();
return 0;
