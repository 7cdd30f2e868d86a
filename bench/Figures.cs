using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Bench;

/// <summary>One measured figure.</summary>
/// <param name="Value">The median of the rounds.</param>
/// <param name="Low">The least of the rounds.</param>
/// <param name="High">The greatest of the rounds.</param>
/// <param name="MustReach">Null where it is not a goal.</param>
/// <param name="LessIsBetter">Whether the goals are upper bounds.</param>
internal sealed record Figure(
    string Scenario, string Name, double Value, double Low, double High, string Unit, double? MustReach = null, double? Aim = null, bool LessIsBetter = false, string Detail = "")
{
    public bool? IsReached => MustReach is not { } goal ? null : LessIsBetter ? Value <= goal : Value >= goal;
}

/// <summary>What a run has measured: printed as one table and kept as JSON.</summary>
internal static class Figures
{
    private static readonly List<Figure> All = [];
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // A percentile of nothing is no number.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static void Add(Figure figure)
    {
        All.Add(figure);
        Console.WriteLine($"  {Line(figure)}");
    }

    /// <param name="values">One a round.</param>
    public static void Add(
        string scenario, string name, IReadOnlyCollection<double> values, string unit, double? mustReach = null, double? aim = null, bool lessIsBetter = false, string detail = "") =>
        Add(new(scenario, name, Rounds.Median(values), values.Min(), values.Max(), unit, mustReach, aim, lessIsBetter, detail));

    /// <param name="path">Where the JSON goes.</param>
    public static void Finish(string path)
    {
        if (All.Count == 0)
            return;
        Console.WriteLine($"\n{"figure",-76} {"median",12} {"least",12} {"most",12}  must reach / aim");
        foreach (var figure in All)
            Console.WriteLine(Line(figure));
        File.WriteAllText(path, JsonSerializer.Serialize(new { Processors = Environment.ProcessorCount, Rounds = Rounds.Count, At = DateTimeOffset.UtcNow, Load = Load(), Figures = All }, Indented));
        Console.WriteLine($"load average {Load()}; {Path.GetFullPath(path)}");
    }

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Trim() : "unknown";

    private static string Line(Figure one) => string.Create(
        CultureInfo.InvariantCulture,
        $"{one.Scenario + ": " + one.Name,-76} {Number(one.Value),12} {Number(one.Low),12} {Number(one.High),12}  {Goal(one)} {one.Unit}{(one.Unit.Length > 0 && one.Detail.Length > 0 ? "; " : "")}{one.Detail}");

    private static string Goal(Figure one) => one.MustReach is null ? "" : $"{one.MustReach} / {one.Aim} {(one.IsReached == true ? "reached" : "missed")};";

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 1_000 ? "N0" : "0.00", CultureInfo.InvariantCulture);
}
