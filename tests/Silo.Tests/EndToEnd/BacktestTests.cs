using System.Text;
using System.Text.Json;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

public sealed class BacktestTests : IDisposable
{
    private const string Abandoned = """
        {
          // A shop's: comments are fine in a file.
          "on": { "event": "Product Added" }, "wait": { "for": "PT1H", "mode": "debounce" },
          "unless": [{ "event": "Order Completed" }], "send": { "sender": "email" },
        }
        """;

    /// <summary>Ada leaves two products behind; Bob adds one and buys it; the wait is an hour.</summary>
    private const string AdaAndBob = """
        {"type":"track","event":"Order Completed","messageId":"b2","anonymousId":"bob","timestamp":"2026-05-01T10:20:00.250Z"}
        {"type":"track","event":"Product Added","messageId":"a2","userId":"ada","anonymousId":"x","timestamp":"2026-05-01T10:30:00.007Z"}
        {"type":"track","event":"Product Added","messageId":"a1","userId":"ada","timestamp":"2026-05-01T10:00:00Z"}

        {"type":"track","event":"Product Added","messageId":"b1","anonymousId":"bob","timestamp":"2026-05-01T12:10:00+02:00"}
        {"type":"track","event":"Product Added","messageId":"a2","userId":"ada","anonymousId":"x","timestamp":"2026-05-01T10:30:00.007Z"}
        """;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task It_prints_a_line_a_decision_in_the_order_of_time()
    {
        var (exit, lines, messages) = await RunAsync(Events(AdaAndBob), Triggers(Abandoned));
        Assert.Equal(0, exit);
        var ids = lines.Select(line => Api.Parse(line).Text("decisionId")!).ToArray();
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}$", id));
        Assert.Equal(
            [
                $$"""{"at":"2026-05-01T10:20:00.250Z","customer":"bob","trigger":"abandoned","key":null,"decision":"suppressed","reason":"unless","decisionId":"{{ids[0]}}","detail":"Order Completed"}""",
                $$"""{"at":"2026-05-01T11:30:00.007Z","customer":"ada","trigger":"abandoned","key":null,"decision":"send","reason":null,"decisionId":"{{ids[1]}}"}""",
            ],
            lines);
        Assert.Equal(
            """
            5 events of 2 customers: 4 accepted, 1 duplicate
            decisions: 1 send, 1 suppressed (unless); sends to 1 customers

            """,
            messages);
    }

    [Fact]
    public async Task The_same_input_gives_the_same_output()
    {
        var events = Events(string.Join('\n', Generated.Lines(new Random(7))));
        var triggers = Triggers(Abandoned);
        Assert.Equal((await RunAsync(events, triggers)).Lines, (await RunAsync(events, triggers)).Lines);
    }

    [Theory]
    [InlineData("2026-05-01T10:20:00.250Z", null, "bob,ada")]
    [InlineData("2026-05-01T10:20:00.251Z", null, "ada")]
    [InlineData("2026-05-01T13:20:00.251+02:00", null, "ada")]
    [InlineData("2026-05-02", null, "")]
    [InlineData(null, "2026-05-01T11:30:00.007Z", "bob,ada")]
    [InlineData(null, "2026-05-01T11:30:00.006Z", "bob")]
    [InlineData(null, "2026-05-01T10:20:00.249Z", "")]
    [InlineData("2026-05-01T11:00:00Z", "2026-05-01T12:00:00Z", "ada")]
    public async Task From_leaves_out_decisions_and_to_stops_the_clock(string? from, string? to, string customers)
    {
        string[] range = [.. from is null ? [] : new[] { "--from", from }, .. to is null ? [] : new[] { "--to", to }];
        var (exit, lines, _) = await RunAsync(Events(AdaAndBob), Triggers(Abandoned), range);
        Assert.Equal(0, exit);
        Assert.Equal(customers, string.Join(',', lines.Select(line => Api.Parse(line).Text("customer"))));
    }

    [Fact]
    public async Task Bad_lines_are_counted_and_named_and_not_fatal()
    {
        var (exit, lines, messages) = await RunAsync(
            Events("nonsense\n" + AdaAndBob + "\n{\"type\":\"track\",\"event\":\"E\",\"messageId\":\"m\",\"timestamp\":\"2026-05-01T10:00:00Z\"}\n[1,2]\n{\"type\":\"track\"\n"),
            Triggers(Abandoned));
        Assert.Equal(0, exit);
        Assert.Equal(2, lines.Length);
        foreach (var expected in (string[])["line 1: ", "line 8: /userId", "line 9: ", "line 10: ", "4 of 10 lines are not usable\n"])
            Assert.Contains(expected, messages);
    }

    [Fact]
    public async Task Of_very_many_bad_lines_the_first_are_named()
    {
        var (exit, _, messages) = await RunAsync(Events(string.Join('\n', Enumerable.Repeat("{}", 1000))), Triggers(Abandoned));
        Assert.Equal(0, exit);
        Assert.Contains("line 20: ", messages);
        Assert.DoesNotContain("line 21: ", messages);
        Assert.Contains("1000 of 1000 lines are not usable; the first 20 are named above", messages);
        Assert.Contains("no decisions", messages);
    }

    [Fact]
    public async Task Triggers_come_as_a_file_an_array_or_a_folder()
    {
        var events = Events(AdaAndBob);
        const string AtOnce = """{"id":"at-once","on":{"event":"Order Completed"},"send":{"sender":"email"}}""";
        File.WriteAllText(directory.File("array.json"), $"[{Abandoned}, {AtOnce}]");
        Assert.Equal(["at-once send", "trigger-1 send", "trigger-1 suppressed"], Decisions(await RunAsync(events, directory.File("array.json"))));

        var folder = Directory.CreateDirectory(directory.File("folder")).FullName;
        File.WriteAllText(Path.Combine(folder, "waiting.json"), Abandoned);
        File.WriteAllText(Path.Combine(folder, "named.json"), AtOnce);
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "not a trigger");
        Assert.Equal(["at-once send", "waiting send", "waiting suppressed"], Decisions(await RunAsync(events, folder)));
    }

    [Theory]
    [InlineData("""{"on":{"event":"E"},"wait":{"for":"soon"},"send":{"sender":"s"}}""", "abandoned.json: /wait/for ")]
    [InlineData("""[{"on":{"event":"E"},"send":{"sender":"s"}},{"on":{"event":"E"}}]""", "abandoned.json: /1/send ")]
    [InlineData(
        """[{"id":"a","on":{"event":"E"},"send":{"sender":"s"}},{"id":"a","on":{"event":"E"},"send":{"sender":"s"}}]""",
        "abandoned.json: /1/id \"a\" is there twice")]
    [InlineData("""{"on":""", "abandoned.json: not valid JSON: ")]
    [InlineData("7", "abandoned.json: ")]
    public async Task A_wrong_trigger_is_named_by_file_and_place(string trigger, string message)
    {
        var (exit, lines, messages) = await RunAsync(Events(AdaAndBob), Triggers(trigger));
        Assert.Equal(65, exit);
        Assert.Empty(lines);
        Assert.Contains(message, messages);
    }

    [Fact]
    public async Task A_missing_file_is_named()
    {
        Assert.Equal(66, await FailsWithAsync("nowhere.ndjson", ["--events", directory.File("nowhere.ndjson"), "--triggers", Triggers(Abandoned)]));
        Assert.Equal(66, await FailsWithAsync("nowhere.json", ["--events", Events(AdaAndBob), "--triggers", directory.File("nowhere.json")]));
        var empty = Directory.CreateDirectory(directory.File("empty")).FullName;
        Assert.Equal(65, await FailsWithAsync("there is no *.json file", ["--events", Events(AdaAndBob), "--triggers", empty]));
    }

    [Theory]
    [InlineData("--events is missing.")]
    [InlineData("--triggers is missing.", "--events", "e")]
    [InlineData("--to needs a value.", "--events", "e", "--triggers", "t", "--to")]
    [InlineData("--to must be an instant such as 2026-05-01T00:00:00Z.", "--events", "e", "--triggers", "t", "--to", "tomorrow")]
    [InlineData("--speed is not known.", "--events", "e", "--triggers", "t", "--speed", "2")]
    public async Task A_wrong_call_is_answered_with_the_usage(string message, params string[] arguments)
    {
        Assert.Equal(64, await FailsWithAsync(message + "\n\nusage: backtest ", arguments));
    }

    [Fact]
    public async Task It_agrees_with_a_plain_calculation_on_generated_events()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            var lines = Generated.Lines(new Random(seed));
            var (exit, decisions, messages) = await RunAsync(Events(string.Join('\n', lines)), Triggers(Abandoned));
            Assert.Equal(0, exit);
            var expected = Generated.Decisions(lines);
            Assert.True(expected.Count > 100, "The seed makes too few decisions to tell anything.");
            var printed = decisions.Select(Api.Parse).ToArray();
            Assert.Equal(expected.Order(), printed.Select(line => (line.Text("at")!, line.Text("customer")!, line.Text("decision")!)).Order());
            Assert.Equal(printed.Select(line => line.Text("at")).Order(), printed.Select(line => line.Text("at")));
            Assert.Equal(printed.Length, printed.Select(line => line.Text("decisionId")).Distinct().Count());
            var reached = expected.Where(decision => decision.Decision == "send").Select(decision => decision.Customer).Distinct().Count();
            Assert.Contains($"sends to {reached} customers", messages);
        }
    }

    [Fact]
    public async Task As_a_program_it_reads_standard_input_and_prints_nothing_but_decisions()
    {
        await using var program = SiloProcess.Start(["backtest", "--events", "-", "--triggers", Triggers(Abandoned)], [], "nonsense\n" + AdaAndBob);
        await program.ExitsAsync(0);
        var lines = program.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["bob", "ada"], lines.Select(line => Api.Parse(line).Text("customer")));
        Assert.Contains("line 1: ", program.Errors);
        Assert.Contains("decisions: 1 send, 1 suppressed (unless); sends to 1 customers", program.Errors);

        await using var wrong = SiloProcess.Start(["backtest"], []);
        await wrong.ExitsAsync(64);
        Assert.Equal("", wrong.Output);
    }

    [Fact]
    public async Task Over_the_api_it_decides_the_same_about_the_same_events()
    {
        // Over days in the past, whenever this runs: what is late when it comes has the same decisions in a replay.
        var shift = DateTimeOffset.UtcNow.AddDays(-5) - new DateTimeOffset(2026, 3, 28, 20, 0, 0, TimeSpan.Zero);
        var lines = Generated.Lines(new Random(11)).Select(line => Shifted(line, shift)).ToArray();
        var (_, printed, messages) = await RunAsync(Events(string.Join('\n', lines)), Triggers(Abandoned));
        var expected = printed.Select(Api.Parse).Select(Known).ToHashSet();

        await using var process = SiloProcess.Serve(directory.File("silo"));
        var silo = await process.ReadyAsync();
        foreach (var batch in lines.Chunk(500))
        {
            using var taken = await silo.PostAsync("/v1/batch", Api.Json($$"""{"batch":[{{string.Join(',', batch)}}]}"""));
            Assert.True(taken.IsSuccessStatusCode, await taken.Content.ReadAsStringAsync());
        }
        var draft = Api.Parse("""{"on":{"event":"Product Added"},"wait":{"for":"PT1H","mode":"debounce"},"unless":[{"event":"Order Completed"}],"send":{"sender":"email"}}""");
        using var started = await silo.PostAsync("/v1/triggers/abandoned/backtest", Api.Json($$"""{"document":{{draft}}}"""));
        Assert.True((int)started.StatusCode == 202, await started.Content.ReadAsStringAsync());
        JsonElement status = default;
        await Eventually.TrueAsync(
            async () => (status = Api.Parse(await silo.GetStringAsync(started.Headers.Location))).Text("state") is "done" or "failed", () => process.Output);

        var result = status.GetProperty("result");
        Assert.Contains($"sends to {result.Text("customers")} customers", messages);
        Assert.Equal(expected.Count(static known => known.Decision == "send"), result.GetProperty("sends").GetInt32());
        Assert.Equal(expected.Count, result.GetProperty("byReason").EnumerateObject().Sum(static reason => reason.Value.GetInt32()));
        var sample = result.GetProperty("sample").EnumerateArray().Select(Known).ToArray();
        Assert.Equal(Math.Min(200, expected.Count), sample.Length);
        Assert.Subset(expected, sample.ToHashSet());
        Assert.All(expected.Except(sample), other => Assert.True(other.At <= sample[^1].At));
    }

    private static string Shifted(string line, TimeSpan by)
    {
        var json = JsonSerializer.Deserialize<Dictionary<string, string>>(line)!;
        json["timestamp"] = DateTimeOffset.Parse(json["timestamp"]).Add(by).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");
        return JsonSerializer.Serialize(json);
    }

    private static (string Id, DateTimeOffset At, string Customer, string Decision, string? Reason) Known(JsonElement decision)
    {
        // A line has milliseconds.
        var at = decision.GetProperty("at").GetDateTimeOffset();
        return (decision.Text("decisionId")!, at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMillisecond)), decision.Text("customer")!, decision.Text("decision")!, decision.Text("reason"));
    }

    private string Events(string lines) => Write("events.ndjson", lines);

    private string Triggers(string json) => Write("abandoned.json", json);

    private string Write(string name, string text)
    {
        File.WriteAllText(directory.File(name), text);
        return directory.File(name);
    }

    private static async Task<(int Exit, string[] Lines, string Messages)> RunAsync(string events, string triggers, params string[] more)
    {
        using var output = new MemoryStream();
        await using var messages = new StringWriter { NewLine = "\n" };
        var exit = await Backtest.RunAsync(["--events", events, "--triggers", triggers, .. more], output, messages);
        return (exit, Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries), messages.ToString());
    }

    /// <returns>The exit code.</returns>
    private static async Task<int> FailsWithAsync(string message, string[] arguments)
    {
        using var output = new MemoryStream();
        await using var messages = new StringWriter { NewLine = "\n" };
        var exit = await Backtest.RunAsync(arguments, output, messages);
        Assert.Contains(message, messages.ToString());
        Assert.Equal(0, output.Length);
        return exit;
    }

    private static string[] Decisions((int Exit, string[] Lines, string Messages) run)
    {
        Assert.True(run.Exit == 0, run.Messages);
        return [.. run.Lines.Select(line => Api.Parse(line)).Select(line => $"{line.Text("trigger")} {line.Text("decision")}").Order(StringComparer.Ordinal)];
    }
}
