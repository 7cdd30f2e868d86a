namespace Orleans.Personalize.Engine;

/// <summary>A time of day in which nothing is sent. It may span midnight; from = to would be the whole day and is not legal.</summary>
/// <param name="Zone">Null: the profile's <c>timezone</c> trait.</param>
/// <param name="Fallback">The zone of profiles that have none or an unknown one.</param>
/// <param name="Delays">Wait until the quiet hours end; otherwise suppress.</param>
public sealed record QuietHours(TimeOnly From, TimeOnly To, TimeZoneInfo? Zone, TimeZoneInfo Fallback, bool Delays)
{
    /// <summary>When the quiet hours that contain an instant end; null when it is not in them.</summary>
    public DateTimeOffset? EndAfter(DateTimeOffset instant, Profile profile)
    {
        var zone = Zone ?? ZoneOf(profile) ?? Fallback;
        var local = TimeZoneInfo.ConvertTime(instant, zone);
        if (!TimeOnly.FromDateTime(local.DateTime).IsBetween(From, To))
            return null;
        // The end is the next time the clock on the wall shows To.
        var end = local.Date + To.ToTimeSpan();
        if (end <= local.DateTime)
            end = end.AddDays(1);
        // Counted on from here, the end is right unless the clock changes before it. A time that the change skips is taken as many minutes
        // later; of one that comes twice the next is meant.
        var unchanged = new DateTimeOffset(end, local.Offset);
        var changed = new DateTimeOffset(end, zone.GetUtcOffset(unchanged));
        return (TimeZoneInfo.ConvertTime(changed, zone).DateTime == end ? changed : unchanged).ToUniversalTime();
    }

    private static TimeZoneInfo? ZoneOf(Profile profile) =>
        profile.FindTrait("timezone") is { } trait && Json.Find(trait.Value, []) is { Kind: ScalarKind.Text } id ? FindZone(id.Text!) : null;

    /// <summary>A zone by its IANA name, such as <c>Europe/Berlin</c>; null when there is none.</summary>
    public static TimeZoneInfo? FindZone(string id) => TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone) ? zone : null;
}
