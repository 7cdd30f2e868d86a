using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Orleans.Personalize.Engine;

/// <summary>
/// Reads trigger documents (docs/triggers.md describes the language). Every error names its place by a JSON pointer; unknown members are errors,
/// because a misspelt limit is no limit.
/// </summary>
public static class TriggerParser
{
    /// <param name="id">The id it is stored under; the document may repeat it and may not contradict it.</param>
    /// <returns>A trigger, or null and at least one error.</returns>
    public static (Trigger? Trigger, IReadOnlyList<DocumentError> Errors) Parse(string id, long version, JsonText document)
    {
        var errors = new List<DocumentError>();
        JsonDocument json;
        try
        {
            json = JsonDocument.Parse(document.Utf8);
        }
        catch (JsonException invalid)
        {
            return (null, [new("", $"Not valid JSON: {invalid.Message}")]);
        }
        using (json)
        {
            try
            {
                var trigger = Read(id, version, new DocumentReader(json.RootElement, "", errors));
                return errors.Count == 0 ? (trigger, errors) : (null, errors);
            }
            catch (InvalidOperationException invalid)
            {
                // JSON's grammar lets half a surrogate pair pass; it shows when the text is read.
                return (null, [new("", $"Not valid Unicode: {invalid.Message}")]);
            }
        }
    }

    private static Trigger? Read(string id, long version, DocumentReader document)
    {
        if (!document.IsObjectOf(
            "id", "name", "enabled", "priority", "on", "key", "wait", "unless", "if", "freshness", "limits", "quietHours", "rollout", "send", "description"))
            return null;
        if (document.Text("id") is { } named && named != id)
            document.Fail("/id", $"must be \"{id}\", the id the trigger is stored under");
        document.Text("description");
        var on = document.Member("on") is { } pattern ? Pattern(pattern) : null;
        var send = document.Member("send") is { } order ? Send(order) : null;
        if (on is null && document.Member("on") is null)
            document.Fail("/on", "is required");
        if (send is null && document.Member("send") is null)
            document.Fail("/send", "is required");
        var key = Key(document);
        var trigger = new Trigger
        {
            Id = id,
            Version = version,
            Name = document.Text("name") ?? id,
            Enabled = document.Flag("enabled") ?? true,
            Priority = (int)(document.Number("priority", -1_000_000, 1_000_000, wholeOnly: true) ?? 0),
            On = on!,
            Key = key,
            Wait = document.Member("wait") is { } wait ? Wait(wait) : null,
            Unless = [.. document.Elements("unless").Select(Pattern).OfType<EventPattern>()],
            If = document.Member("if") is { } condition ? ConditionParser.Parse(condition) : null,
            Freshness = document.Duration("freshness"),
            Limits = document.Member("limits") is { } limits ? LimitsOf(limits) : null,
            QuietHours = document.Member("quietHours") is { } quiet ? Quiet(quiet) : null,
            Rollout = document.Member("rollout") is { } rollout ? Rollout(rollout) : RolloutRule.Everyone,
            Send = send!,
        };
        return trigger;
    }

    private static EventPattern? Pattern(DocumentReader document)
    {
        if (!document.IsObjectOf("event", "type", "where"))
            return null;
        var name = document.Text("event");
        EventType? type = null;
        if (document.Text("type") is { } typeName)
        {
            type = Evolver.FindType(typeName);
            if (type is null)
                document.Fail("/type", "must be one of track, identify, page, screen, group, alias");
        }
        if (document.Member("event") is null && document.Member("type") is null)
            document.Fail("", "needs an \"event\" name or a \"type\"");
        if (name is { Length: 0 })
            document.Fail("/event", "must not be empty");
        return new(name, type, document.Member("where") is { } where ? ConditionParser.Parse(where) : null);
    }

    private static FieldPath? Key(DocumentReader document)
    {
        if (document.Text("key") is not { } text)
            return null;
        if (FieldPath.Find(text) is { IsOfEvent: true } path)
            return path;
        document.Fail("/key", "must be a field of the event, such as \"event.properties.cart_id\"");
        return null;
    }

    private static WaitRule? Wait(DocumentReader document)
    {
        if (!document.IsObjectOf("for", "mode", "atMost"))
            return null;
        var length = document.Duration("for");
        if (document.Member("for") is null)
            document.Fail("/for", "is required");
        var restarts = document.OneOf("mode", "debounce", "debounce", "fixed") == "debounce";
        var atMost = document.Duration("atMost");
        if (atMost is not null && !restarts)
            document.Fail("/atMost", "goes with mode \"debounce\"; a fixed wait has one length");
        if (atMost < length)
            document.Fail("/atMost", "must not be shorter than \"for\"");
        return new(length ?? default, restarts, atMost);
    }

    internal static LimitRule? LimitsOf(DocumentReader document)
    {
        if (!document.IsObjectOf("cooldown", "max", "per"))
            return null;
        var max = document.Number("max", 1, Limits.TallyMax, wholeOnly: true);
        var per = document.Duration("per");
        if (max is null != per is null && document.Member("max") is null != document.Member("per") is null)
            document.Fail(max is null ? "/max" : "/per", "\"max\" and \"per\" go together");
        return new(document.Duration("cooldown"), (int?)max, per);
    }

    private static QuietHours? Quiet(DocumentReader document)
    {
        if (!document.IsObjectOf("from", "to", "timezone", "fallback", "policy"))
            return null;
        var from = Time(document, "from");
        var to = Time(document, "to");
        if (from is not null && from == to)
            document.Fail("/to", "must differ from \"from\"");
        var zone = document.Text("timezone") is not (null or "profile") ? Zone(document, "timezone") : null;
        var fallback = document.Text("fallback") is not null ? Zone(document, "fallback") : null;
        var delays = document.OneOf("policy", "delay", "delay", "suppress") == "delay";
        return new(from ?? default, to ?? default, zone, fallback ?? TimeZoneInfo.Utc, delays);
    }

    private static TimeOnly? Time(DocumentReader document, string member)
    {
        if (document.Text(member) is { } text && TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            return time;
        document.Fail($"/{member}", "must be a time of day such as \"21:00\"");
        return null;
    }

    private static TimeZoneInfo? Zone(DocumentReader document, string member)
    {
        var zone = QuietHours.FindZone(document.Text(member)!);
        if (zone is null)
            document.Fail($"/{member}", "must be a time zone of the IANA database such as \"Europe/Berlin\"");
        return zone;
    }

    private static RolloutRule Rollout(DocumentReader document)
    {
        if (!document.IsObjectOf("percent", "holdout", "mode"))
            return RolloutRule.Everyone;
        return new(
            document.Number("percent", 0, 100) ?? 100,
            document.Number("holdout", 0, 100) ?? 0,
            document.OneOf("mode", "live", "live", "shadow") == "shadow");
    }

    private static SendRule? Send(DocumentReader document)
    {
        if (!document.IsObjectOf("sender", "template", "channel", "topic", "transactional", "expires", "data"))
            return null;
        if (string.IsNullOrEmpty(document.Text("sender")))
            document.Fail("/sender", "is required: the id of a sender");
        if (document.Member("data") is { Kind: not JsonValueKind.Object } data)
            data.Fail("", "must be an object");
        return new(
            document.Text("sender") ?? "",
            document.Text("template"),
            document.Text("channel") ?? "email",
            document.Duration("expires"),
            document.Member("data")?.Raw ?? default,
            Topic(document),
            document.Flag("transactional") ?? false);
    }

    private static string? Topic(DocumentReader document)
    {
        var topic = document.Text("topic");
        if (topic is { Length: 0 or > Limits.TopicLengthMax } || topic?.Contains('/', StringComparison.Ordinal) is true)
            document.Fail("/topic", $"must have 1 to {Limits.TopicLengthMax} characters and no slash");
        return topic;
    }
}
