using System.Buffers;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Turns the raw members of one event into checked values and remembers the first thing that is wrong. Absent is empty, and so is a
/// JSON null.
/// </summary>
internal struct EventFields
{
    /// <summary>The longest id or name, in UTF-16 code units.</summary>
    public const int TextLengthMax = CustomerKey.CustomerIdLengthMax;

    /// <summary>Nothing that a store sells was ordered before; earlier times are clocks that were never set.</summary>
    private static readonly DateTimeOffset Earliest = DateTimeOffset.UnixEpoch;

    public DocumentError? Error { get; private set; }

    public void Refuse(string pointer, string detail) => Error ??= new DocumentError(pointer, detail);

    public static bool IsAbsent(ReadOnlySpan<byte> raw) => raw.IsEmpty || raw.SequenceEqual("null"u8);

    /// <summary>An id or a name: 1 to <see cref="TextLengthMax"/> characters, none of them a control character.</summary>
    public string? Text(ReadOnlySpan<byte> raw, string pointer)
    {
        if (IsAbsent(raw))
            return null;
        if (raw[0] != '"')
        {
            Refuse(pointer, "must be a string");
            return null;
        }

        var text = Decode(raw);
        if (text.Length is 0 or > TextLengthMax)
            Refuse(pointer, $"must have 1 to {TextLengthMax} characters");
        else if (HasControl(text))
            Refuse(pointer, "must not hold control characters");
        else
            return text;
        return null;
    }

    private static bool HasControl(string text)
    {
        foreach (var character in text)
        {
            if (char.IsControl(character))
                return true;
        }
        return false;
    }

    /// <summary>An array of such texts, at the most <paramref name="max"/>.</summary>
    public string[] Texts(ReadOnlySpan<byte> raw, string pointer, int max)
    {
        if (IsAbsent(raw))
            return [];
        if (raw[0] != '[')
        {
            Refuse(pointer, "must be an array of strings");
            return [];
        }

        using var document = JsonDocument.Parse(raw.ToArray());
        if (document.RootElement.GetArrayLength() > max)
            Refuse(pointer, $"must have at most {max} elements");
        var texts = new List<string>();
        foreach (var (index, element) in document.RootElement.EnumerateArray().Take(max).Index())
        {
            if (Text(System.Text.Encoding.UTF8.GetBytes(element.GetRawText()), $"{pointer}/{index}") is { } text)
                texts.Add(text);
            else
                Refuse($"{pointer}/{index}", "must be a string");
        }

        return [.. texts];
    }

    /// <summary>As <see cref="Text"/>, but a whole number is taken as its digits: many shops number their customers.</summary>
    public string? Id(ReadOnlySpan<byte> raw, string pointer) =>
        raw.Length is > 0 and < 20 && !raw.ContainsAnyExceptInRange((byte)'0', (byte)'9')
            ? System.Text.Encoding.ASCII.GetString(raw)
            : Text(raw, pointer);

    /// <summary>
    /// A date and time of the ISO 8601-1:2019 extended profile (YYYY-MM-DDThh:mm:ss.fff±hh:mm, its end optional), from 1970 on, in UTC;
    /// without an offset it is taken as UTC.
    /// </summary>
    public DateTimeOffset? Time(ReadOnlySpan<byte> raw, string pointer)
    {
        if (IsAbsent(raw))
            return null;
        if (TimeOrNull(raw) is not { } time)
            Refuse(pointer, "must be an ISO 8601 date and time such as 2026-01-31T09:30:00Z");
        else if (time < Earliest)
            Refuse(pointer, "must not be before 1970");
        else
            return time;
        return null;
    }

    /// <summary>A time of the sender's clock corrected by how far that is off: <c>receivedAt − (sentAt − occurredAt)</c>.</summary>
    /// <param name="occurredAt">By the sender's clock.</param>
    /// <param name="sentAt">By the sender's clock.</param>
    /// <param name="receivedAt">By ours.</param>
    public DateTimeOffset Corrected(DateTimeOffset occurredAt, DateTimeOffset sentAt, DateTimeOffset receivedAt)
    {
        var ticks = occurredAt.UtcTicks + (receivedAt.UtcTicks - sentAt.UtcTicks);
        if (ticks >= DateTimeOffset.UnixEpoch.UtcTicks && ticks <= DateTimeOffset.MaxValue.UtcTicks)
            return new DateTimeOffset(ticks, TimeSpan.Zero);
        Refuse("/sentAt", "is so far off that the event's time cannot be told");
        return default;
    }

    public static DateTimeOffset? TimeOrNull(ReadOnlySpan<byte> raw)
    {
        if (raw is not [(byte)'"', ..] || JsonDefects.Find(raw) is not null)
            return null;
        var reader = new Utf8JsonReader(raw);
        _ = reader.Read();
        if (!reader.TryGetDateTime(out var time))
            return null;

        // Without an offset the reader would assume the zone of this machine.
        if (time.Kind == DateTimeKind.Unspecified)
            return new DateTimeOffset(time, TimeSpan.Zero);
        return reader.TryGetDateTimeOffset(out var exact) ? exact.ToUniversalTime() : null;
    }

    public JsonText Object(ReadOnlySpan<byte> raw, string pointer)
    {
        if (IsAbsent(raw))
            return default;
        if (raw[0] == '{')
            return new JsonText(raw.ToArray());
        Refuse(pointer, "must be an object");
        return default;
    }

    /// <summary>An object of channel → boolean.</summary>
    public JsonText Consent(ReadOnlySpan<byte> raw, string pointer)
    {
        var consent = Object(raw, pointer);
        if (consent.IsAbsent)
            return default;

        for (var members = new JsonMembers(raw); members.MoveNext();)
        {
            if (members.Name.IsEmpty)
                Refuse(pointer, $"must have names of 1 to {JsonMembers.NameLengthMax} characters");
            else if (!IsBoolean(members.Value))
                Refuse(pointer + JsonDefects.Pointer(members.Name), "must be true or false");
        }

        return consent;
    }

    public static bool IsBoolean(ReadOnlySpan<byte> raw) => raw.SequenceEqual("true"u8) || raw.SequenceEqual("false"u8);

    public static string Decode(ReadOnlySpan<byte> raw)
    {
        var reader = new Utf8JsonReader(raw);
        _ = reader.Read();
        return reader.GetString()!;
    }
}

/// <summary>
/// 64-bit FNV-1a (https://datatracker.ietf.org/doc/html/rfc9923) over parts, each with its length before it, so that no two
/// lists of parts read the same.
/// </summary>
internal struct Fingerprint()
{
    public ulong Value { get; private set; } = 0xcbf29ce484222325;

    public Fingerprint Add(ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, part.Length);
        Value = Hash(part, Hash(length, Value));
        return this;
    }

    public static ulong Hash(ReadOnlySpan<byte> bytes, ulong hash = 0xcbf29ce484222325)
    {
        foreach (var value in bytes)
            hash = (hash ^ value) * 0x100000001b3;
        return hash;
    }
}
