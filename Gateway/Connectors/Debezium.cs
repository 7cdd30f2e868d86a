using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>One table whose rows become what is known of customers.</summary>
/// <param name="RowId">The columns that tell its rows apart.</param>
/// <param name="Traits">Each trait of the mapping with the columns it is made of.</param>
/// <param name="Deleted">What a deletion is called where it is to be an event, too; null where it only removes the traits.</param>
internal sealed record DebeziumTable(string[] RowId, Mapping Mapping, (string Name, string[] Columns)[] Traits, string? Deleted);

/// <summary>
/// Change events of Debezium's connector for PostgreSQL
/// (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events), as JSON with or without the schema: each row of a table sets
/// the traits of a customer.
/// </summary>
/// <remarks>
/// Of two changes of a row the later one must win, whatever order they arrive in. Traits go by (time, message id): the time is that of the commit, which the
/// lock on the row keeps in the order of the log, and the id ends with the position in the log, which decides between changes of one transaction and of
/// one instant. A clock of the database that is set back breaks that order for as long as it was set back.
/// </remarks>
internal static class Debezium
{
    /// <summary>What stands in for a large value that the change did not touch.</summary>
    private const string Unavailable = "__debezium_unavailable_value";

    private const int RowIdColumnsMax = 8;

    /// <summary>Reads the member <c>tables</c> of a source, such as <c>{"public.customers":{"rowId":"id","mapping":{…}}}</c>.</summary>
    public static Dictionary<string, DebeziumTable> ReadTables(DocumentFields document)
    {
        var tables = new Dictionary<string, DebeziumTable>(StringComparer.Ordinal);
        if (document.Member("tables") is not { IsObject: true } member || !member.Members().Any())
        {
            document.Fail("/tables", "must be an object of tables, such as {\"public.customers\":{\"mapping\":{…}}}");
            return tables;
        }
        foreach (var (name, fields) in member.Members())
        {
            if (fields.IsObjectOf("rowId", "mapping", "deleted"))
                tables[name] = ReadTable(fields);
        }
        return tables;
    }

    /// <summary>The events of one message; none of what says nothing about a row: transactions, truncations, messages, heartbeats and tables that are not named.</summary>
    public static List<ParsedEvent> Parse(JsonElement message, IReadOnlyDictionary<string, DebeziumTable> tables, Origin origin)
    {
        // A message of which only the schema is left is a tombstone, as is one without anything.
        var change = message.ValueKind == JsonValueKind.Object && message.TryGetProperty("payload", out var payload) && message.TryGetProperty("schema", out _) ? payload : message;
        if (change.ValueKind == JsonValueKind.Null)
            return [];
        if (change.ValueKind != JsonValueKind.Object)
            return [Mapping.Refused(new("", "must be a change event of Debezium"), message, origin)];
        if (Text(change, "op") is not { } op)
            return IsOther(change) ? [] : [Mapping.Refused(new("/op", "is missing"), message, origin)];
        if (op is "t" or "m")
            return [];
        if (op is not ("c" or "u" or "d" or "r"))
            return [Mapping.Refused(new("/op", "must be c, u, d, r, t or m"), message, origin)];
        if (!change.TryGetProperty("source", out var at) || Position(at) is not { } position)
            return [Mapping.Refused(new("/source/lsn", "must be a position in PostgreSQL's log"), message, origin)];
        var name = $"{Text(at, "schema")}.{Text(at, "table")}";
        if (!tables.TryGetValue(name, out var table))
            return [];
        var image = op == "d" ? "before" : "after";
        if (!change.TryGetProperty(image, out var row) || row.ValueKind != JsonValueKind.Object)
            return [Mapping.Refused(new($"/{image}", "must be a row; of a deletion it is there unless the table's REPLICA IDENTITY is NOTHING"), message, origin)];
        if (RowOf(table, row) is not { } key)
            return [Mapping.Refused(new($"/{image}/{table.RowId[0]}", "is missing: which row it is"), message, origin)];

        var id = MessageId($"{origin.Source}:{name}", key, $"{position:x16}:{op}");
        var occurredAt = Time(at, "ts_us", 1) ?? Time(at, "ts_ms", 1000) ?? Time(change, "ts_ms", 1000) ?? origin.ReceivedAt;
        var known = origin with { MessageId = id, OccurredAt = occurredAt, Name = "row", IsHistory = origin.IsHistory || op == "r" };
        // What cannot be read is mended and read as the whole change again.
        return [.. (op == "d" ? Remove(table, row, known) : [Set(table, row, known)])
            .Select(one => one.Error is { } error ? Mapping.Refused(error with { Pointer = $"/{image}{error.Pointer}" }, message, origin) with { MessageId = id, Customer = one.Customer } : one)];
    }

    private static ParsedEvent Set(DebeziumTable table, JsonElement row, Origin origin)
    {
        string[] unavailable = [.. row.EnumerateObject().Where(static column => column.Value.ValueEqualsText(Unavailable)).Select(static column => column.Name)];
        using var shortened = unavailable.Length == 0 ? null : Without(row, unavailable);
        row = shortened?.RootElement ?? row;
        var parsed = table.Mapping.ApplyTo(row, origin);
        if (parsed.Event is not { } happened)
            return parsed;
        // A column without a value takes the trait away, which a mapping alone would leave as it is.
        var gone = table.Traits.Where(trait => JsonObjects.Member(happened.Traits.Span, trait.Name).IsEmpty
            && trait.Columns.Any(column => row.TryGetProperty(column, out _)) && !trait.Columns.Intersect(unavailable).Any());
        var traits = happened.Traits;
        foreach (var (name, _) in gone)
            traits = JsonObjects.With(traits, JsonEncodedText.Encode(name).ToString(), "null"u8);
        return parsed with { Event = AsIdentify(happened, traits) };
    }

    private static List<ParsedEvent> Remove(DebeziumTable table, JsonElement row, Origin origin)
    {
        var parsed = table.Mapping.ApplyTo(row, origin);
        if (parsed.Event is not { } happened)
            return [parsed];
        var traits = JsonText.FromString("{}");
        foreach (var (name, _) in table.Traits)
            traits = JsonObjects.With(traits, JsonEncodedText.Encode(name).ToString(), "null"u8);
        var removal = parsed with { Event = AsIdentify(happened with { Identities = null, Consent = default, Properties = default }, traits) };
        if (table.Deleted is null)
            return [removal];
        var id = $"{happened.MessageId}e";
        var told = removal.Event with { MessageId = id, Type = EventType.Track, Name = table.Deleted, Traits = default };
        return [removal, removal with { MessageId = id, Event = told }];
    }

    private static CustomerEvent AsIdentify(CustomerEvent happened, JsonText traits) => happened with
    {
        Type = EventType.Identify,
        Name = null,
        Traits = traits,
        Fingerprint = new Fingerprint().Add(happened.Properties.Span).Add(traits.Span).Add(happened.Consent.Span).Value,
    };

    /// <summary>The change's place in the write-ahead log, which grows.</summary>
    private static ulong? Position(JsonElement source) =>
        source.ValueKind == JsonValueKind.Object && source.TryGetProperty("lsn", out var lsn) && lsn.ValueKind == JsonValueKind.Number && lsn.TryGetUInt64(out var position)
            ? position
            : null;

    private static string? RowOf(DebeziumTable table, JsonElement row)
    {
        string?[] values = [.. table.RowId.Select(column => row.TryGetProperty(column, out var value) ? MappedField.Text(value) : null)];
        return values.Contains(null) ? null : string.Join(',', values);
    }

    /// <summary>What orders ends it; what is too long or unfit for an id is hashed.</summary>
    private static string MessageId(string table, string row, string position)
    {
        var id = $"{table}:{row}:{position}";
        return Identities.IsId(id) && id.Length < CustomerKey.CustomerIdLengthMax ? id : $"{Mapping.Hash(System.Text.Encoding.UTF8.GetBytes($"{table}:{row}"))}:{position}";
    }

    private static DateTimeOffset? Time(JsonElement source, string name, long microseconds) =>
        source.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var time)
            && time > 0 && time < (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).TotalMicroseconds / microseconds
            ? DateTimeOffset.UnixEpoch.AddTicks(time * microseconds * TimeSpan.TicksPerMicrosecond)
            : null;

    /// <summary>Boundaries of transactions, heartbeats and changes of the schema.</summary>
    private static bool IsOther(JsonElement change) =>
        change.TryGetProperty("status", out _) || change.TryGetProperty("ddl", out _) || change.TryGetProperty("tableChanges", out _)
        || (change.TryGetProperty("ts_ms", out _) && !change.TryGetProperty("after", out _));

    private static JsonDocument Without(JsonElement row, string[] columns)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var column in row.EnumerateObject().Where(column => !columns.Contains(column.Name)))
                column.WriteTo(writer);
            writer.WriteEndObject();
        }
        return JsonDocument.Parse(buffer.WrittenMemory);
    }

    private static DebeziumTable ReadTable(DocumentFields fields)
    {
        string?[] rowId = fields.Member("rowId") is { } columns
            ? [.. columns.Items().Select(static column => column.Element.ValueKind == JsonValueKind.String ? column.Element.GetString() : null)]
            : ["id"];
        if (rowId.Length is 0 or > RowIdColumnsMax || rowId.Any(string.IsNullOrEmpty))
            fields.Fail("/rowId", $"must be the name of a column, or an array of 1 to {RowIdColumnsMax}");
        if (fields.Member("mapping") is not { } mapping)
        {
            fields.Fail("/mapping", "is missing: whose row it is, and which traits its columns are");
            return new(["id"], null!, [], null);
        }
        foreach (var name in (ReadOnlySpan<string>)["each", "messageId", "type", "name", "occurredAt"])
        {
            if (mapping.Member(name) is { } member)
                member.Fail("", "is not used here: the change says it");
        }
        var traits = mapping.Member("traits") is { IsObject: true } named
            ? named.Members().Select(static trait => (trait.Name, Columns(JsonNode.Parse(trait.Value.Element.GetRawText())))).ToArray()
            : [];
        return new(rowId!, Mapping.Parse(mapping, "name"), traits, fields.Text("deleted"));
    }

    /// <summary>The columns that a field of a mapping points at.</summary>
    private static string[] Columns(JsonNode? field) => field switch
    {
        JsonValue value when value.TryGetValue(out string? text) && text is ['/', ..] => [text[1..].Split('/')[0].Replace("~1", "/").Replace("~0", "~")],
        JsonArray array => [.. array.SelectMany(Columns)],
        JsonObject parent => [.. parent.Where(static member => member.Key is "from" or "join" or "fields" or "each").SelectMany(static member => Columns(member.Value))],
        _ => [],
    };

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool ValueEqualsText(this JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}
