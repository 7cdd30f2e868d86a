using System.Globalization;
using System.Text;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Silo;

/// <summary>
/// The command <c>backtest --events FILE|- --triggers FILE|DIR [--from INSTANT] [--to INSTANT]</c>: replays events in Segment's format, one JSON object a
/// line, and writes a JSON line for each decision. Decisions go to the output, everything for people to the error stream.
/// </summary>
public static class Backtest
{
    /// <summary>The exit codes of sysexits.h for a wrong call, wrong data and a missing input.</summary>
    private const int Usage = 64, DataError = 65, NoInput = 66;

    private const string UsageText = """
        usage: backtest --events FILE|- --triggers FILE|DIR [--from INSTANT] [--to INSTANT]

          --events    Segment events, one JSON object a line; - reads standard input
          --triggers  a trigger, an array of triggers, or a folder of *.json files with one each
          --from      do not print decisions before this instant; the events before it still count
          --to        stop at this instant; without it every wait runs out
        """;

    /// <summary>Bad lines that are named one by one; the rest are counted.</summary>
    private const int NamedLinesMax = 20;

    public static async Task<int> RunAsync(string[] args, Stream output, TextWriter messages)
    {
        if (args is ["--help" or "-h"])
        {
            await messages.WriteLineAsync(UsageText);
            return 0;
        }
        if (!TryRead(args, out var options, out var problem))
        {
            await messages.WriteLineAsync($"{problem}\n\n{UsageText}");
            return Usage;
        }
        try
        {
            var (triggers, errors) = TriggerFiles.Read(options.Triggers);
            foreach (var error in errors)
                await messages.WriteLineAsync(error);
            if (errors.Count > 0)
                return DataError;
            var events = await ReadEvents(options.Events, messages);
            Write(new Replay("default", triggers), events, options, output, messages);
            return 0;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            await messages.WriteLineAsync(failure.Message);
            return NoInput;
        }
    }

    private static async Task<List<(string, CustomerEvent)>> ReadEvents(string file, TextWriter messages)
    {
        var events = new List<(string, CustomerEvent)>();
        using var input = file == "-" ? new StreamReader(Console.OpenStandardInput()) : new StreamReader(file);
        int number = 0, bad = 0;
        while (await input.ReadLineAsync() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            var parsed = SegmentConnector.Parse(Encoding.UTF8.GetBytes(line), SegmentEnvelope.Replay);
            if (parsed is { Event: { } happened, Customer: { } customer })
                events.Add((customer, happened));
            else if (++bad <= NamedLinesMax)
                await messages.WriteLineAsync($"line {number}: {parsed.Reason}");
        }
        if (bad > 0)
            await messages.WriteLineAsync($"{bad} of {number} lines are not usable{(bad > NamedLinesMax ? $"; the first {NamedLinesMax} are named above" : "")}");
        return events;
    }

    private static void Write(Replay replay, List<(string, CustomerEvent)> events, Options options, Stream output, TextWriter messages)
    {
        var progress = new Progress(events.Count, messages);
        var sends = new HashSet<string>();
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        using var buffered = new BufferedStream(output, 64 * 1024);
        foreach (var (customer, decision) in replay.Run(progress.Count(Replay.InOrder(events)), options.To))
        {
            if (decision.At < options.From)
                continue;
            var outcome = decision.Reason is null ? "send" : $"suppressed ({decision.Reason})";
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            if (decision.IsSend)
                sends.Add(customer);
            WriteLine(buffered, customer, decision);
        }
        buffered.Flush();
        progress.End();
        messages.WriteLine(
            $"{events.Count} events of {replay.Customers} customers: {string.Join(", ", replay.Receipts.Select(static entry => $"{entry.Value} {entry.Key.ToString().ToLowerInvariant()}"))}");
        messages.WriteLine(outcomes.Count == 0
            ? "no decisions"
            : $"decisions: {string.Join(", ", outcomes.Select(static entry => $"{entry.Value} {entry.Key}"))}; sends to {sends.Count} customers");
        if (replay.Withdrawn > 0)
            messages.WriteLine($"{replay.Withdrawn} of the sends were withdrawn before their delivery");
    }

    private static void WriteLine(Stream output, string customer, Fact.Decided decision)
    {
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteString("at", decision.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            writer.WriteString("customer", customer);
            writer.WriteString("trigger", decision.Trigger);
            writer.WriteString("key", decision.Key);
            writer.WriteString("decision", decision.IsSend ? "send" : "suppressed");
            writer.WriteString("reason", decision.Reason);
            writer.WriteString("decisionId", decision.DecisionId);
            if (decision.Detail is not null)
                writer.WriteString("detail", decision.Detail);
            writer.WriteEndObject();
        }
        output.WriteByte((byte)'\n');
    }

    private static bool TryRead(string[] args, out Options options, out string problem)
    {
        string? events = null, triggers = null;
        DateTimeOffset? from = null, to = null;
        options = null!;
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                problem = $"{args[i]} needs a value.";
                return false;
            }
            var value = args[i + 1];
            var isInstant = DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant);
            switch (args[i])
            {
                case "--events": events = value; break;
                case "--triggers": triggers = value; break;
                case "--from" when isInstant: from = instant; break;
                case "--to" when isInstant: to = instant; break;
                default:
                    problem = args[i] is "--from" or "--to" ? $"{args[i]} must be an instant such as 2026-05-01T00:00:00Z." : $"{args[i]} is not known.";
                    return false;
            }
        }
        problem = (events, triggers) switch { (null, _) => "--events is missing.", (_, null) => "--triggers is missing.", _ => "" };
        if (problem.Length > 0)
            return false;
        options = new(events!, triggers!, from, to);
        return true;
    }

    private sealed record Options(string Events, string Triggers, DateTimeOffset? From, DateTimeOffset? To);

    /// <summary>A bar on a terminal; nothing where the messages go to a file.</summary>
    private sealed class Progress(int total, TextWriter messages)
    {
        private const int Width = 40;
        private readonly bool isShown = !Console.IsErrorRedirected && messages == Console.Error;
        private int shown = -1;

        public IEnumerable<T> Count<T>(IEnumerable<T> events) => events.Select((entry, index) =>
        {
            Show(index + 1);
            return entry;
        });

        public void End()
        {
            if (isShown)
                messages.Write($"\r{new string(' ', Width + 8)}\r");
        }

        private void Show(int done)
        {
            var filled = total == 0 ? Width : (int)((long)done * Width / total);
            if (!isShown || filled == shown)
                return;
            shown = filled;
            messages.Write($"\r[{new string('#', filled)}{new string('.', Width - filled)}] {done * 100L / total,3} %");
        }
    }
}
