using System.Collections.Frozen;
using System.Text.Json;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

internal enum SchemaMode
{
    /// <summary>The schema is kept, and does nothing.</summary>
    Off = 0,
    /// <summary>Events are normalized; what fails is let in, counted, and sampled.</summary>
    Warn = 1,
    /// <summary>Events are normalized; what fails goes to quarantine.</summary>
    Enforce = 2,
}

/// <summary>What the events of one name, or all of one type, must look like; compiled.</summary>
/// <param name="Name">Null: all events of the type.</param>
/// <param name="IsUnchecked">What its document takes the place of does not matter.</param>
internal sealed record EventSchema(
    string Id, long Version, EventType Type, string? Name, SchemaMode Mode, NormalizationStep[] Steps, SchemaNode Node, bool IsUnchecked)
{
    /// <summary>What of the event it is about: what the event says of the customer, or of what happened.</summary>
    public bool IsOfTraits => Type == EventType.Identify;

    public string Pointer => IsOfTraits ? "/traits" : "/properties";
}

/// <param name="Event">Normalized, under the same message id and fingerprint.</param>
/// <param name="Schema">Of the failures; null where there are none.</param>
internal readonly record struct Judged(CustomerEvent Event, EventSchema? Schema, List<SchemaFailure> Failures)
{
    public bool IsRefused => Schema?.Mode == SchemaMode.Enforce;
}

/// <summary>The schemas of a workspace, found by what they are about. Where several are about an event they apply in the order of their ids.</summary>
internal sealed class EventSchemas
{
    public static readonly EventSchemas None = new([]);

    private static readonly List<SchemaFailure> NoFailures = [];

    private readonly FrozenDictionary<(EventType, string?), EventSchema[]> schemas;
    private readonly Dictionary<(string, long), EventSchema?> compiled;

    private EventSchemas(Dictionary<(string, long), EventSchema?> compiled)
    {
        this.compiled = compiled;
        var active = compiled.Values.OfType<EventSchema>().Where(static schema => schema.Mode != SchemaMode.Off).ToArray();
        schemas = active.GroupBy(static schema => (schema.Type, schema.Name)).ToFrozenDictionary(
            static group => group.Key,
            group => active.Where(schema => schema.Type == group.Key.Type && (schema.Name is null || schema.Name == group.Key.Name)).OrderBy(static schema => schema.Id, StringComparer.Ordinal).ToArray());
    }

    /// <param name="before">What has not changed since is not compiled again.</param>
    public static EventSchemas Of(RegistrySnapshot snapshot, EventSchemas? before) => new(snapshot.Documents
        .Where(static document => document.Kind == RegistryKind.Schema)
        .ToDictionary(
            static document => (document.Id, document.Version),
            document => before?.compiled.TryGetValue((document.Id, document.Version), out var known) == true
                ? known
                : EventSchemaParser.Parse(document.Id, document.Version, JsonElement.Parse(document.Document.Span)).Schema));

    /// <summary>The schemas about an event; null where there are none, which is known at the price of a look-up.</summary>
    public EventSchema[]? Find(CustomerEvent one) => schemas.Count == 0 ? null
        : schemas.TryGetValue((one.Type, one.Name), out var found) || (one.Name is not null && schemas.TryGetValue((one.Type, null), out found)) ? found : null;

    /// <summary>Normalizes an event and says what is wrong with it; an enforced schema's word goes before that of one that warns.</summary>
    public static Judged Judge(CustomerEvent one, EventSchema[] schemas)
    {
        Judged? warned = null;
        foreach (var schema in schemas)
        {
            var json = schema.IsOfTraits ? one.Traits : one.Properties;
            var failures = NoFailures;
            if (schema.Steps.Length > 0)
            {
                json = Normalization.Apply(schema.Steps, json);
                one = schema.IsOfTraits ? one with { Traits = json } : one with { Properties = json };
                if (json.Span.Length > Limits.EventBytesMax)
                    failures = [new("too-large", schema.Pointer, $"is larger than {Limits.EventBytesMax} bytes once it is normalized")];
            }
            if (failures.Count == 0)
                failures = schema.Node.Validate(json.IsAbsent ? JsonElement.Parse("{}"u8) : JsonElement.Parse(json.Span), schema.Pointer);
            if (failures.Count == 0)
                continue;
            var judged = new Judged(one, schema, failures);
            if (judged.IsRefused)
                return judged;
            warned ??= judged;
        }
        return warned is { } sample ? sample with { Event = one } : new Judged(one, null, NoFailures);
    }
}

/// <summary>Reads the documents of <see cref="RegistryKind.Schema"/>, and says what is wrong with them.</summary>
internal sealed class EventSchemaParser : IDocumentRule
{
    private static readonly string[] Members = ["id", "title", "description", "event", "type", "mode", "compatibility", "normalize", "schema"];
    private static readonly string[] Types = ["track", "identify", "page", "screen", "group", "alias"];
    private static readonly string[] Modes = ["off", "warn", "enforce"];

    string IDocumentRule.Kind => RegistryKind.Schema;

    public IReadOnlyCollection<DocumentError> Validate(string id, JsonElement document) => Parse(id, 0, document).Errors;

    public IReadOnlyCollection<DocumentError> ValidateChange(string id, JsonElement document, JsonElement stored)
    {
        if (Parse(id, 0, document).Schema is not { IsUnchecked: false } schema || Parse(id, 0, stored).Schema is not { } known)
            return [];
        const string Advice = "; \"compatibility\": \"none\" allows it";
        if ((schema.Type, schema.Name) != (known.Type, known.Name))
            return [new(schema.Name is null ? "/type" : "/event", "is another than it was: make another schema" + Advice)];
        return [.. SchemaEvolution.Check(known.Node, schema.Node, "/schema").Select(static error => error with { Detail = error.Detail + Advice })];
    }

    public static (EventSchema? Schema, List<DocumentError> Errors) Parse(string id, long version, JsonElement document)
    {
        var errors = new List<DocumentError>();
        if (document.ValueKind != JsonValueKind.Object)
            return (null, [new("", "must be an object")]);
        foreach (var member in document.EnumerateObject().Where(static member => !Members.Contains(member.Name)))
            errors.Add(new(JsonDefects.Pointer(member.Name), $"is not known here; known are {string.Join(", ", Members)}"));
        foreach (var name in (ReadOnlySpan<string>)["title", "description"])
            OneOf(document, name, null, errors);
        var (type, what) = Subject(document, errors);
        var mode = OneOf(document, "mode", Modes, errors) ?? "warn";
        var compatibility = OneOf(document, "compatibility", ["backward", "none"], errors);
        var steps = document.TryGetProperty("normalize", out var normalize) ? new NormalizationParser(errors).Parse(normalize, "/normalize") : [];
        var node = document.TryGetProperty("schema", out var schema) ? new SchemaParser(errors).Parse(schema, "/schema") : SchemaNode.Anything;
        if ((node.Types & JsonTypes.Object) == JsonTypes.None)
            errors.Add(new("/schema/type", "must allow object: it is about an event's properties or traits"));
        return errors.Count > 0 ? (null, errors)
            : (new(id, version, type, what, (SchemaMode)Array.IndexOf(Modes, mode), steps, node, compatibility == "none"), errors);
    }

    private static (EventType Type, string? Name) Subject(JsonElement document, List<DocumentError> errors)
    {
        var type = OneOf(document, "type", Types, errors);
        var name = OneOf(document, "event", null, errors);
        if (name is { Length: 0 or > EventFields.TextLengthMax })
            errors.Add(new("/event", $"must have 1 to {EventFields.TextLengthMax} characters"));
        if (name is null && type is null or "track" && errors.Count == 0)
            errors.Add(new("/event", "is missing: the name of the event that the schema is about, or else a type other than track"));
        if (name is not null && type is "identify" or "group" or "alias")
            errors.Add(new("/event", $"does not go with the type {type}, whose events have no name"));
        return ((EventType)Math.Max(0, Array.IndexOf(Types, type)), name);
    }

    /// <param name="choices">Null: any text.</param>
    private static string? OneOf(JsonElement document, string name, string[]? choices, List<DocumentError> errors)
    {
        if (!document.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.String && (choices is null || choices.Contains(value.GetString())))
            return value.GetString();
        errors.Add(new("/" + name, choices is null ? "must be a text" : $"must be {string.Join(" or ", choices)}"));
        return null;
    }
}
