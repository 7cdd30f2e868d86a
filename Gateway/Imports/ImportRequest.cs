using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>Makes a job of what is asked for: in a JSON body, or beside the file in the query.</summary>
internal static class ImportRequest
{
    public const string Csv = "csv", Ndjson = "ndjson";

    private const string DefaultSource = "import";

    private static readonly (string Name, JsonValueKind Kind)[] Members =
    [
        ("name", JsonValueKind.String), ("format", JsonValueKind.String), ("rows", JsonValueKind.String), ("mapping", JsonValueKind.Object),
        ("source", JsonValueKind.String), ("delimiter", JsonValueKind.String), ("history", JsonValueKind.True), ("repair", JsonValueKind.True),
        ("at", JsonValueKind.String), ("length", JsonValueKind.Number),
    ];

    /// <summary>The format of a body that is a file; null for one of any other type.</summary>
    public static string? FormatOf(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            ? type.MediaType.ToString().ToLowerInvariant() switch
            {
                "text/csv" => Csv,
                "application/x-ndjson" or "application/jsonl" => Ndjson,
                _ => null,
            }
            : null;

    /// <param name="rules">What the workspace's registry says now; a job keeps the mapping of its source as it is.</param>
    /// <returns>The job, or what is wrong.</returns>
    /// <exception cref="BadHttpRequestException">The body is too large, or no JSON object.</exception>
    public static async Task<(ImportJob? Job, DocumentError[] Errors)> ReadAsync(HttpRequest request, string kind, Rules rules, DateTimeOffset now)
    {
        var format = FormatOf(request);
        var (error, asked) = format is null ? await RequestMembers.ReadAsync(request, Limits.ImportRequestBytesMax, Members) : FromQuery(request.Query);
        if (error is not null)
            return (null, [error]);
        if (format is not null)
            asked["format"] = format;
        var errors = new List<DocumentError>();
        var job = Job(asked, kind, rules, now, errors);
        return errors.Count == 0 ? (job, []) : (null, [.. errors]);
    }

    private static (DocumentError?, JsonObject) FromQuery(IQueryCollection query)
    {
        var asked = new JsonObject();
        foreach (var (name, values) in query)
        {
            var kind = Members.FirstOrDefault(member => member.Name == name).Kind;
            if (kind == JsonValueKind.Undefined || name == "format")
                return (new(JsonDefects.Pointer(name), $"is unknown; known are {string.Join(", ", Members.Select(static member => member.Name).Where(static known => known != "format"))}"), []);
            var text = values.ToString();
            try
            {
                var value = kind == JsonValueKind.String ? JsonValue.Create(text) : JsonNode.Parse(text, null, new JsonDocumentOptions { MaxDepth = Limits.DepthMax, AllowDuplicateProperties = false });
                var found = value?.GetValueKind() ?? JsonValueKind.Null;
                if ((found == JsonValueKind.False ? JsonValueKind.True : found) != kind)
                    return (new(JsonDefects.Pointer(name), $"must be {(kind == JsonValueKind.True ? "true or false" : kind == JsonValueKind.Object ? "an object" : "a number")}"), []);
                asked[name] = value;
            }
            catch (JsonException exception)
            {
                return (new(JsonDefects.Pointer(name), JsonDefects.Describe(exception)), []);
            }
        }
        return (null, asked);
    }

    private static ImportJob Job(JsonObject asked, string kind, Rules rules, DateTimeOffset now, List<DocumentError> errors)
    {
        var source = SourceOf(asked, rules, errors);
        var mapping = MappingOf(asked, source, errors);
        var format = OneOf(asked, "format", [Csv, Ndjson], null, errors);
        var rows = OneOf(asked, "rows", RowKind.All, mapping.IsAbsent && format == Ndjson ? RowKind.Native : RowKind.Mapping, errors);
        if (rows == RowKind.Mapping && mapping.IsAbsent && errors.Count == 0)
            errors.Add(new("/mapping", "is missing: what becomes of the columns; or name a source that has one"));
        if (rows != RowKind.Mapping && !mapping.IsAbsent)
            errors.Add(new("/rows", "must be mapping where there is a mapping"));
        if (rows != RowKind.Mapping && format == Csv)
            errors.Add(new("/rows", "must be mapping for CSV"));
        if (kind == ImportKind.Import && asked.ContainsKey("repair"))
            errors.Add(new("/repair", "is for reconciliations"));
        if (kind == ImportKind.Reconciliation && asked.ContainsKey("history"))
            errors.Add(new("/history", "is for imports: a repair is history always"));
        return new()
        {
            Id = Guid.CreateVersion7(now).ToString("n"),
            Kind = kind,
            Name = Text(asked, "name", errors) ?? kind,
            Format = format,
            Rows = rows,
            Mapping = mapping,
            Source = (string?)asked["source"] ?? DefaultSource,
            Priority = source?.Priority ?? 0,
            Delimiter = DelimiterOf(asked, errors),
            IsHistory = (bool?)asked["history"] ?? true,
            Repairs = (bool?)asked["repair"] ?? false,
            At = InstantOf(asked, errors) ?? now,
            Length = LengthOf(asked, errors),
            CreatedAt = now,
        };
    }

    private static Source? SourceOf(JsonObject asked, Rules rules, List<DocumentError> errors)
    {
        var id = Text(asked, "source", errors);
        var source = id is null ? null : rules.Sources.GetValueOrDefault(id);
        // With a mapping of its own, or without need for one, the job takes from the source only its name.
        if (id is not null && source is null && !asked.ContainsKey("mapping") && (string?)asked["rows"] is null or RowKind.Mapping)
            errors.Add(new("/source", $"there is no source '{id}'"));
        return source;
    }

    private static JsonText MappingOf(JsonObject asked, Source? source, List<DocumentError> errors)
    {
        if (asked["mapping"] is { } given)
        {
            var text = JsonText.FromString(given.ToJsonString());
            _ = Mapping.Parse(new DocumentFields(JsonElement.Parse(text.Span), "/mapping", errors));
            if (given["each"] is not null)
                errors.Add(new("/mapping/each", "is for payloads of many items; a row is one"));
            return text;
        }
        if (source is null || (string?)asked["rows"] is not (null or RowKind.Mapping))
            return default;
        if (source.Document.TryGetProperty("mapping", out var own))
            return JsonText.FromString(own.GetRawText());
        errors.Add(new("/source", $"the source '{source.Id}' has no mapping"));
        return default;
    }

    private static string DelimiterOf(JsonObject asked, List<DocumentError> errors)
    {
        switch ((string?)asked["delimiter"])
        {
            case null: return ",";
            case "tab": return "\t";
            case [var one] and not ("\"" or "\r" or "\n") when char.IsAscii(one): return one.ToString();
            default:
                errors.Add(new("/delimiter", "must be one ASCII character, no quote and no line end, or tab"));
                return ",";
        }
    }

    private static long? LengthOf(JsonObject asked, List<DocumentError> errors)
    {
        if (asked["length"] is not { } length)
            return null;
        if (length.AsValue().TryGetValue(out long bytes) && bytes >= 0)
            return bytes;
        errors.Add(new("/length", "must be the bytes of the file"));
        return null;
    }

    private static DateTimeOffset? InstantOf(JsonObject asked, List<DocumentError> errors)
    {
        if ((string?)asked["at"] is not { } text)
            return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) && instant >= DateTimeOffset.UnixEpoch)
            return instant.ToUniversalTime();
        errors.Add(new("/at", "must be an instant such as \"2026-05-01T00:00:00Z\", not before 1970"));
        return null;
    }

    private static string? Text(JsonObject asked, string name, List<DocumentError> errors)
    {
        var text = (string?)asked[name];
        if (text is null || (text.Length is > 0 and <= EventFields.TextLengthMax && !text.Any(char.IsControl)))
            return text;
        errors.Add(new($"/{name}", $"must have 1 to {EventFields.TextLengthMax} characters, none of them a control character"));
        return null;
    }

    private static string OneOf(JsonObject asked, string name, string[] choices, string? otherwise, List<DocumentError> errors)
    {
        if (((string?)asked[name] ?? otherwise) is { } chosen && choices.Contains(chosen))
            return chosen;
        errors.Add(new($"/{name}", $"must be one of {string.Join(", ", choices)}"));
        return choices[0];
    }
}
