using System.Globalization;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

public sealed class QuietHoursTests
{
    private static readonly Profile Nobody = Profile.New(Ada);

    private static DateTimeOffset Utc(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static QuietHours Quiet(string zone, string from, string to) => new(
        TimeOnly.Parse(from, CultureInfo.InvariantCulture), TimeOnly.Parse(to, CultureInfo.InvariantCulture),
        QuietHours.FindZone(zone)!, TimeZoneInfo.Utc, Delays: true);

    [Theory]
    // Spanning midnight, in winter: from is inclusive and to is not.
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-01-12T19:59:59Z", null)]
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-01-12T20:00:00Z", "2026-01-13T07:00Z")]
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-01-12T23:30:00Z", "2026-01-13T07:00Z")]
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-01-13T06:59:59Z", "2026-01-13T07:00Z")]
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-01-13T07:00:00Z", null)]
    // Within a day.
    [InlineData("Europe/Berlin", "12:00", "14:00", "2026-07-01T11:30Z", "2026-07-01T12:00Z")]
    [InlineData("Europe/Berlin", "12:00", "14:00", "2026-07-01T12:00Z", null)]
    // Offsets of half an hour.
    [InlineData("Asia/Kolkata", "21:00", "08:00", "2026-01-12T16:00Z", "2026-01-13T02:30Z")]
    [InlineData("Asia/Kolkata", "21:00", "08:00", "2026-01-12T15:29Z", null)]
    // The clock goes forward over the night: 10 hours of quiet instead of 11.
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-03-28T20:00Z", "2026-03-29T06:00Z")]
    [InlineData("America/New_York", "21:00", "08:00", "2026-03-08T02:00Z", "2026-03-08T12:00Z")]
    // An end that is skipped comes as many minutes later; a beginning that is skipped has passed.
    [InlineData("Europe/Berlin", "21:00", "02:30", "2026-03-29T00:59Z", "2026-03-29T01:30Z")]
    [InlineData("Europe/Berlin", "02:30", "06:00", "2026-03-29T01:00Z", "2026-03-29T04:00Z")]
    [InlineData("America/New_York", "22:00", "02:30", "2026-03-08T06:00Z", "2026-03-08T07:30Z")]
    // The clock goes back over the night: 12 hours of quiet instead of 11.
    [InlineData("Europe/Berlin", "21:00", "08:00", "2026-10-24T19:00Z", "2026-10-25T07:00Z")]
    [InlineData("America/New_York", "21:00", "08:00", "2026-11-01T01:00Z", "2026-11-01T13:00Z")]
    // An end that comes twice ends the quiet that it follows: the first time, and again when the hour is repeated.
    [InlineData("Europe/Berlin", "21:00", "02:30", "2026-10-24T22:00Z", "2026-10-25T00:30Z")]
    [InlineData("Europe/Berlin", "21:00", "02:30", "2026-10-25T00:40Z", null)]
    [InlineData("Europe/Berlin", "21:00", "02:30", "2026-10-25T01:15Z", "2026-10-25T01:30Z")]
    [InlineData("America/New_York", "22:00", "01:30", "2026-11-01T05:10Z", "2026-11-01T05:30Z")]
    [InlineData("America/New_York", "22:00", "01:30", "2026-11-01T06:10Z", "2026-11-01T06:30Z")]
    // A change of half an hour.
    [InlineData("Australia/Lord_Howe", "21:00", "01:45", "2026-04-04T14:35Z", "2026-04-04T14:45Z")]
    [InlineData("Australia/Lord_Howe", "21:00", "01:45", "2026-04-04T15:05Z", "2026-04-04T15:15Z")]
    public void They_end_when_the_clock_on_the_wall_says_so(string zone, string from, string to, string at, string? end) =>
        Assert.Equal(end is null ? null : Utc(end), Quiet(zone, from, to).EndAfter(Utc(at), Nobody));

    [Fact]
    public void They_always_end_later_and_never_within_themselves()
    {
        string[] zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"];
        string[] times = ["00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "08:00", "21:00", "23:59"];
        var wrong =
            from zone in zones
            from year in (int[])[2011, 2024, 2026]
            from hour in Enumerable.Range(0, 366 * 24)
            let at = new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero).AddHours(hour).AddMinutes(hour % 60)
            let quiet = Quiet(zone, times[hour % 9], times[((hour * 7) + 1) % 9])
            where quiet.From != quiet.To
            let end = quiet.EndAfter(at, Nobody)
            where end <= at || end > at.AddHours(49)
            select $"{zone} {quiet.From}-{quiet.To} at {at:O} ends {end:O}";
        Assert.Empty(wrong);
    }

    private const string Delayed =
        """{ "quietHours": { "from": "21:00", "to": "08:00", "timezone": "profile", "fallback": "Europe/Berlin", "policy": "delay" } }""";

    [Theory]
    [InlineData("""{"timezone":"America/New_York"}""", 25 * 60)]
    [InlineData("""{"timezone":"Mars/Olympus"}""", 19 * 60)]
    [InlineData("""{"timezone":7}""", 19 * 60)]
    [InlineData("{}", 19 * 60)]
    public void The_profile_says_which_clock_and_the_fallback_where_it_does_not(string traits, double notBefore)
    {
        var story = With(Delayed);
        story.Hears(Event("Signed In", 0, traits: traits));
        // 02:00 in UTC: 03:00 in Berlin, 21:00 in New York.
        story.Hears("Added", 14 * 60);
        Assert.Equal(At(notBefore), story.OnlySend.NextAttemptAt);
    }

    [Fact]
    public void A_delayed_send_is_not_due_before_the_end()
    {
        var story = With(Delayed);
        story.Hears("Added", 14 * 60);
        Assert.Empty(Outlook.PendingSends(story.Profile, At((19 * 60) - 1)));
        Assert.Equal("not-due", story.Requests((19 * 60) - 1));
        Assert.Single(Outlook.PendingSends(story.Profile, At(19 * 60)));
        Assert.Null(story.Requests(19 * 60));
    }

    [Fact]
    public void Suppressing_quiet_hours_lose_the_send()
    {
        var story = With("""{ "quietHours": { "from": "21:00", "to": "08:00", "timezone": "Europe/Berlin", "policy": "suppress" } }""");
        story.Hears("Added", 8 * 60);
        Assert.Equal(["quiet-hours @ 480"], story.Outcomes);
    }

    [Fact]
    public void A_send_that_expires_in_quiet_hours_is_not_kept_for_their_end()
    {
        var story = With("""{ "quietHours": { "from": "21:00", "to": "08:00" }, "send": { "sender": "mail", "expires": "PT2H" } }""");
        story.Hears("Added", 10 * 60);
        Assert.Equal(["expired @ 600"], story.Outcomes);
    }

    [Fact]
    public void Quiet_hours_that_begin_before_the_delivery_delay_it_again()
    {
        var story = With("""{ "quietHours": { "from": "21:00", "to": "08:00" } }""");
        story.Hears("Added", 8 * 60);
        Assert.Equal(At(8 * 60), story.OnlySend.NextAttemptAt);
        Assert.Equal(Reason.QuietHours, story.Requests(9 * 60));
        Assert.Equal((SendState.Pending, At(20 * 60), 0), (story.OnlySend.State, story.OnlySend.NextAttemptAt, story.OnlySend.Attempts));
        Assert.Null(story.Requests(20 * 60));
    }

    [Fact]
    public void In_a_repeated_hour_a_request_is_put_off_into_the_future()
    {
        var story = With("""{ "quietHours": { "from": "21:00", "to": "02:30", "timezone": "Europe/Berlin" } }""");
        var second = Minute(Utc("2026-10-25T01:15Z"));
        story.Hears("Added", second - 40); // 02:35, between the first end and the repetition.
        Assert.Equal(Reason.QuietHours, story.Requests(second));
        Assert.Equal(At(second + 15), story.OnlySend.NextAttemptAt);
    }

    [Theory]
    [InlineData("suppress", "P1D", SendState.Suppressed, Reason.QuietHours)]
    [InlineData("delay", "PT2H", SendState.Expired, Reason.Expired)]
    public void Quiet_hours_that_begin_before_the_delivery_can_end_the_send(string policy, string expires, SendState state, string reason)
    {
        var story = With($$"""
            { "quietHours": { "from": "21:00", "to": "08:00", "policy": "{{policy}}" }, "send": { "sender": "mail", "expires": "{{expires}}" } }
            """);
        story.Hears("Added", 8 * 60);
        Assert.Equal(reason, story.Requests(9 * 60));
        Assert.Equal(state, story.OnlySend.State);
    }
}
