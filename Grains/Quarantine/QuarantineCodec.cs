using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Quarantine;

/// <summary>An item as stores keep it: what is searched in columns, the rest as JSON, and the body as it came.</summary>
public sealed record QuarantineRow(string Key, string State, string Source, string? Event, string? Customer, string Reason, DateTimeOffset ReceivedAt, byte[] Meta, byte[] Body)
{
    /// <summary>About how many bytes it takes, with the columns and their indexes.</summary>
    public long Size => 200 + Meta.Length + Body.Length;

    /// <summary>When it came to rest; null while it is open.</summary>
    public static DateTimeOffset? SettledAt(QuarantineEntry entry, QuarantineNote? note) =>
        entry.State == QuarantineState.Open ? null : note?.At ?? entry.ReceivedAt;

    /// <exception cref="ArgumentException">It is too large, or holds text that no store can hold.</exception>
    public static QuarantineRow Of(QuarantineEntry entry, QuarantineNote[] notes)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Body.Length > QuarantineLimits.BodyBytesMax)
            throw new ArgumentException($"A body has at the most {QuarantineLimits.BodyBytesMax} bytes, not {entry.Body.Length}.", nameof(entry));
        foreach (var text in (ReadOnlySpan<string?>)[entry.Key, entry.Source, entry.Event, entry.Customer, entry.Reason])
        {
            if (text is not null && (text.Length > JournalLimits.CustomerLengthMax || !JournalRules.IsStorable(text)))
                throw new ArgumentException("A text is too long or no well-formed Unicode without NUL.", nameof(entry));
        }
        if (entry.Key.Length == 0 || !QuarantineState.All.Contains(entry.State))
            throw new ArgumentException("An entry has a key, and a state that there is.", nameof(entry));
        var meta = JsonSerializer.SerializeToUtf8Bytes(
            new QuarantineMeta(entry.MessageId, entry.Pointer, entry.Detail, entry.Schema, entry.Format, entry.Context, notes), QuarantineJson.Default.QuarantineMeta);
        return new(entry.Key, entry.State, entry.Source, entry.Event, entry.Customer, entry.Reason, entry.ReceivedAt, meta, entry.Body);
    }

    public QuarantineItem ToItem(long id, long version, int seen)
    {
        var meta = JsonSerializer.Deserialize(Meta, QuarantineJson.Default.QuarantineMeta)!;
        return new(
            id, version, seen,
            new QuarantineEntry
            {
                Key = Key, State = State, Source = Source, Event = Event, Customer = Customer, MessageId = meta.MessageId, Reason = Reason, Pointer = meta.Pointer,
                Detail = meta.Detail, Schema = meta.Schema, ReceivedAt = ReceivedAt, Format = meta.Format, Context = meta.Context, Body = Body,
            },
            meta.Notes);
    }

    /// <summary>The item after a change.</summary>
    public static QuarantineItem Change(QuarantineItem item, QuarantineEntry entry, QuarantineNote note) => item with
    {
        Version = item.Version + 1,
        Entry = entry with { Key = item.Entry.Key, ReceivedAt = item.Entry.ReceivedAt },
        Notes = [.. item.Notes.Append(note).TakeLast(QuarantineNote.KeptMax)],
    };
}

/// <summary>Stored: members may be added with a default, none removed or renamed.</summary>
internal sealed record QuarantineMeta(
    string? MessageId, string Pointer, string Detail, string? Schema, string Format,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] JsonText Context, QuarantineNote[] Notes);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(QuarantineMeta))]
internal sealed partial class QuarantineJson : JsonSerializerContext;
