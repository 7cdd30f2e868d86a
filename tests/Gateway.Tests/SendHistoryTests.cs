using System.Globalization;
using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class SendHistoryTests : IAsyncLifetime
{
    private const string Id = "0123456789abcdef0123456789abcdef";

    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    /// <summary>As facts are recorded, oldest first.</summary>
    private static readonly (string Type, string Members)[] Told =
    [
        ("decided", """ "trigger":"cart","decidedAt":"2026-01-31T12:00:00+00:00" """),
        ("sendSettled", """ "state":"parked","at":"2026-01-31T12:00:01+00:00","reason":"breaker","nextAttemptAt":"2026-01-31T12:00:30+00:00" """),
        ("sendAuthorized", """ "attempt":1,"at":"2026-01-31T12:00:30+00:00" """),
        ("sendSettled", """ "state":"pending","at":"2026-01-31T12:00:31+00:00","detail":"busy","nextAttemptAt":"2026-01-31T12:01:00+00:00" """),
        ("sendAuthorized", """ "attempt":2,"at":"2026-01-31T12:01:00+00:00" """),
        ("sendSettled", """ "state":"sent","at":"2026-01-31T12:01:01+00:00","providerId":"p-7","content":"b" """),
        ("sendAuthorized", """ "attempt":3,"at":"2026-01-31T13:00:00+00:00" """),
    ];

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    public async Task Every_attempt_is_told_however_much_else_was_recorded_since(int others)
    {
        Record(others);

        var history = await ReadAsync(await server.Admin.GetAsync($"/v1/customers/a%2Fb/sends/{Id}"));

        Assert.Equal(("cart", true), (history.GetProperty("trigger").GetString(), history.GetProperty("isComplete").GetBoolean()));
        Assert.Equal(
            [
                "- parked breaker  12:00:30", "1 pending  busy 12:01:00", "2 sent   ", "3 authorized   ",
            ],
            history.GetProperty("attempts").EnumerateArray().Select(static one =>
                $"{(one.GetProperty("attempt").ValueKind == JsonValueKind.Null ? "-" : one.GetProperty("attempt").ToString())} {Text(one, "state")} {Text(one, "reason")} {Text(one, "detail")} {At(one, "nextAttemptAt")}"));
        var sent = history.GetProperty("attempts")[2];
        Assert.Equal(("12:01:00", "12:01:01", "p-7", "b"), (At(sent, "authorizedAt"), At(sent, "settledAt"), Text(sent, "providerId"), Text(sent, "content")));
        Assert.Equal(JsonValueKind.Null, history.GetProperty("attempts")[3].GetProperty("settledAt").ValueKind);
    }

    [Fact]
    public async Task What_lies_too_far_back_is_said_to_be_missing()
    {
        Record(20_000, before: 3);
        var history = await ReadAsync(await server.Admin.GetAsync($"/v1/customers/a%2Fb/sends/{Id}"));
        Assert.False(history.GetProperty("isComplete").GetBoolean());
        Assert.Equal(JsonValueKind.Null, history.GetProperty("trigger").ValueKind);
        Assert.Equal(4, history.GetProperty("attempts").GetArrayLength() + 2);
    }

    [Fact]
    public async Task A_decision_that_is_none_of_the_customers_is_not_found()
    {
        Record(1);
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/a%2Fb/sends/none"));
        await ProblemAsync(404, await server.Admin.GetAsync($"/v1/customers/nobody/sends/{Id}"));
    }

    /// <param name="others">So many facts about something else come between two of them.</param>
    /// <param name="before">How many of the facts come before all of the others; the rest follow without any between.</param>
    private void Record(int others, int before = -1)
    {
        var facts = new List<TimelineItem>();
        void Add(string type, string json) => facts.Add(new(facts.Count + 1, Noon, type, JsonText.FromString(json)));
        for (var index = 0; index < Told.Length; index++)
        {
            Add(Told[index].Type, $$"""{"type":"{{Told[index].Type}}","decisionId":"{{Id}}",{{Told[index].Members}}}""");
            for (var other = 0; before < 0 ? other < others : index == before && other < others; other++)
                Add(other % 2 == 0 ? "eventApplied" : "sendSettled", """{"decisionId":"another","state":"sent"}""");
        }
        server.Grains.Customer("default/a/b").OnTimeline = (limit, until) =>
        {
            var page = Enumerable.Reverse(facts).Where(fact => fact.Version < (until ?? long.MaxValue)).Take(limit).ToArray();
            return new(page, page.Length == limit ? page[^1].Version : null);
        };
    }

    private static string? Text(JsonElement one, string name) => one.GetProperty(name).GetString();

    private static string? At(JsonElement one, string name) =>
        one.GetProperty(name).ValueKind == JsonValueKind.Null ? null : one.GetProperty(name).GetDateTimeOffset().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
}
