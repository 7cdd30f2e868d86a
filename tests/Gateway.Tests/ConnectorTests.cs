using System.Text;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Tests;

public sealed class ConnectorTests
{
    private static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    // The vectors of RFC 9923, appendix B (also http://www.isthe.com/chongo/tech/comp/fnv/).
    [Theory]
    [InlineData("", 0xcbf29ce484222325)]
    [InlineData("a", 0xaf63dc4c8601ec8c)]
    [InlineData("foobar", 0x85944171f73967e8)]
    public void The_hash_is_fnv_1a(string text, ulong hash) => Assert.Equal(hash, Fingerprint.Hash(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Parts_of_a_fingerprint_do_not_run_together() =>
        Assert.NotEqual(new Fingerprint().Add("ab"u8).Add("c"u8).Value, new Fingerprint().Add("a"u8).Add("bc"u8).Value);

    [Theory]
    // The client's clock is ten minutes slow: what it calls 11:45 was 11:55.
    [InlineData("""{"timestamp":"2026-01-31T11:45:00Z","sentAt":"2026-01-31T11:50:00Z"}""", "2026-01-31T11:55:00Z")]
    [InlineData("""{"originalTimestamp":"2026-01-31T11:45:00Z","sentAt":"2026-01-31T11:50:00Z"}""", "2026-01-31T11:55:00Z")]
    [InlineData("""{"timestamp":"2026-01-31T11:45:00Z"}""", "2026-01-31T11:45:00Z")]
    [InlineData("""{"timestamp":"2026-01-31T11:45:00Z","sentAt":"soon"}""", "2026-01-31T11:45:00Z")]
    [InlineData("""{"sentAt":"2026-01-31T11:50:00Z"}""", "2026-01-31T12:00:00Z")]
    // Came through Segment, which has corrected it.
    [InlineData(
        """{"timestamp":"2026-01-31T11:55:00Z","originalTimestamp":"2026-01-31T11:45:00Z","receivedAt":"2026-01-31T12:00:00Z","sentAt":"2026-01-31T11:50:00Z"}""",
        "2026-01-31T11:55:00Z")]
    public void A_wrong_clock_is_corrected_by_when_the_client_says_it_sent(string times, string expected)
    {
        var parsed = Parse($$"""{"event":"x","userId":"u",{{times[1..]}}""", EventType.Track);

        Assert.Equal(DateTimeOffset.Parse(expected), parsed.Event!.OccurredAt);
        Assert.Equal(ReceivedAt, parsed.Event.ReceivedAt);
    }

    [Theory]
    [InlineData("9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z")]
    [InlineData("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")]
    public void Clocks_that_are_centuries_off_are_refused(string sentAt, string timestamp) => Assert.Equal(
        "/sentAt", Parse($$"""{"event":"x","userId":"u","timestamp":"{{timestamp}}","sentAt":"{{sentAt}}"}""", EventType.Track).Error!.Pointer);

    [Theory]
    [InlineData("""{"context":{"consent":{"categoryPreferences":{"Email":true,"SMS":false,"Odd":"yes"}}}}""", """{"email":true,"sms":false}""", "")]
    [InlineData("""{"traits":{"consent":{"email":false}}}""", """{"email":false}""", """{"consent":{"email":false}}""")]
    [InlineData("""{"context":{"consent":[]}}""", "", "")]
    [InlineData("""{"context":{"timezone":"Europe/Zurich","locale":"de-CH"}}""", "", """{"timezone":"Europe/Zurich","locale":"de-CH"}""")]
    [InlineData("""{"context":{"timezone":"Europe/Zurich"},"traits":{ "timezone":"Asia/Tokyo" } }""", "", """{ "timezone":"Asia/Tokyo" }""")]
    [InlineData("""{"context":{"timezone":7,"locale":"de"},"traits":{ "a":1 } }""", "", """{ "a":1,"locale":"de"}""")]
    public void Consent_and_zone_come_from_the_context_and_the_traits(string json, string consent, string traits)
    {
        var parsed = Parse($$"""{"userId":"u",{{json[1..]}}""", EventType.Identify);

        Assert.Equal((consent, traits), (parsed.Event!.Consent.ToString(), parsed.Event.Traits.ToString()));
    }

    [Fact]
    public void A_track_call_sets_consent_but_no_traits()
    {
        var parsed = Parse("""{"event":"x","userId":"u","traits":{"a":1},"context":{"timezone":"UTC","consent":{"categoryPreferences":{"email":true}}}}""", EventType.Track);

        Assert.Equal(("""{"email":true}""", true), (parsed.Event!.Consent.ToString(), parsed.Event.Traits.IsAbsent));
    }

    [Fact]
    public void An_empty_user_is_none() =>
        Assert.Equal("a", Parse("""{"event":"x","userId":"","anonymousId":"a","messageId":""}""", EventType.Track).Customer);

    [Fact]
    public void A_recorded_line_keeps_its_time()
    {
        var parsed = Parse("""
            {"type":"page","name":"Page","messageId":"ajs-1","anonymousId":"281a","timestamp":"2022-10-04T19:19:32.276Z","sentAt":"2022-10-04T20:00:00Z"}
            """);

        Assert.Null(parsed.Error);
        Assert.Equal("281a", parsed.Customer);
        Assert.Equal(DateTimeOffset.Parse("2022-10-04T19:19:32.276Z"), parsed.Event!.OccurredAt);
        Assert.Equal(parsed.Event.OccurredAt, parsed.Event.ReceivedAt);
    }

    [Fact]
    public void A_recorded_line_without_an_id_has_the_same_one_each_time()
    {
        const string Line = """{"type":"track","event":"x","userId":"u","timestamp":"2022-10-04T19:19:32Z"}""";

        Assert.Equal(Parse(Line), Parse(Line + " \r\n"));
        Assert.NotEqual(Parse(Line).MessageId, Parse(Line.Replace("\"x\"", "\"y\"", StringComparison.Ordinal)).MessageId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"a\\")]
    [InlineData("\"\\")]
    [InlineData("{\"a\":\"\\ud800")]
    [InlineData("{\"a\":\"\\ud8\"}")]
    [InlineData("""{"type":"track","event":"x","userId":"u"}""")]
    [InlineData("""{"type":"track","event":"x","userId":"u","timestamp":"2022-10-04T19:19:32Z"} trailing""")]
    [InlineData("""{"event":"x","userId":"u","timestamp":"2022-10-04T19:19:32Z"}""")]
    [InlineData("""{"type":"group","userId":"u","timestamp":"2022-10-04T19:19:32Z"}""")]
    [InlineData("""{"type":"alias","userId":"u","timestamp":"2022-10-04T19:19:32Z"}""")]
    public void A_bad_line_is_an_error_and_no_exception(string line)
    {
        var parsed = Parse(line);

        Assert.Null(parsed.Event);
        Assert.False(string.IsNullOrEmpty(parsed.Reason));
    }

    [Theory]
    [InlineData("\"\\ud83d\\ude00\"", true)]
    [InlineData("\"\\uD83D\\uDE00\"", true)]
    [InlineData("\"\\\\ud800\"", true)]
    [InlineData("\"\\\\\\\\u0000\"", true)]
    [InlineData("\"\\ud83d\"", false)]
    [InlineData("\"\\ude00\\ud83d\"", false)]
    [InlineData("\"\\ud83d\\\\ude00\"", false)]
    [InlineData("\"\\ud83dx\"", false)]
    [InlineData("\"\\\\\\u0000\"", false)]
    public void Only_real_characters_pass(string json, bool passes) => Assert.Equal(passes, JsonDefects.Find(Encoding.UTF8.GetBytes(json)) is null);

    private static ParsedEvent Parse(string json, EventType type) =>
        SegmentConnector.Parse(Encoding.UTF8.GetBytes(json), new SegmentEnvelope { ReceivedAt = ReceivedAt, Type = type });

    private static ParsedEvent Parse(string line) => SegmentConnector.Parse(Encoding.UTF8.GetBytes(line), SegmentEnvelope.Replay);
}
