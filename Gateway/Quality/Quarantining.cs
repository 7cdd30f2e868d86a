using System.Security.Cryptography;
using System.Text;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>Makes quarantine entries of events that are not let in. Pure.</summary>
internal static class Quarantining
{
    /// <summary>The reason of what a connector could not read.</summary>
    public const string ParseReason = "parse";

    /// <summary>The reason of what its customer refused, such as an event of the future.</summary>
    public const string RefusedReason = "refused";

    /// <summary>The longest detail, in UTF-16 code units: a pattern of a schema fits.</summary>
    private const int DetailLengthMax = 512;

    /// <summary>Of an event that a connector could not read.</summary>
    public static QuarantineEntry OfUnread(ParsedEvent parsed, Door door, DateTimeOffset receivedAt) => new()
    {
        // Not by its message id: another body under the same id must not be lost.
        Key = KeyOf(Encoding.UTF8.GetBytes(door.Source), Encoding.UTF8.GetBytes(parsed.Origin?.Topic ?? ""), parsed.Raw),
        State = QuarantineState.Open,
        Source = door.Source,
        Event = null,
        Customer = parsed.Customer,
        // One that was made up on the way is not the event's: it is another with each delivery.
        MessageId = parsed.MessageId is { } id && parsed.Raw.Span.IndexOf(Encoding.UTF8.GetBytes(id)) >= 0 ? id : null,
        Reason = ParseReason,
        Pointer = parsed.Error!.Pointer,
        Detail = Short(parsed.Error.Detail),
        ReceivedAt = receivedAt,
        Format = door.Format,
        Context = door.Context.IsAbsent && parsed.Origin is { } origin ? SourceFormat.Write(origin) : door.Context,
        Body = parsed.Raw.ToArray(),
    };

    /// <summary>Of an event that fails a schema, as it was before it was normalized.</summary>
    public static QuarantineEntry OfFailed(string customer, CustomerEvent one, EventSchema schema, SchemaFailure failure) => schema.Mode == SchemaMode.Enforce
        ? OfRead(customer, one, failure) with { Schema = schema.Id }
        // A sample of what was let in is another thing than the event in quarantine.
        : OfRead(customer, one, failure) with { Schema = schema.Id, State = QuarantineState.Warned, Key = KeyOf(customer, one, "sample") };

    /// <summary>Of an event that its customer refused.</summary>
    public static QuarantineEntry OfRefused(string customer, CustomerEvent one, string? detail) =>
        OfRead(customer, one, new SchemaFailure(RefusedReason, "", detail ?? "was refused"));

    private static QuarantineEntry OfRead(string customer, CustomerEvent one, SchemaFailure failure)
    {
        var (body, context) = NativeFormat.Write(customer, one);
        return new()
        {
            Key = KeyOf(customer, one, "event"),
            State = QuarantineState.Open,
            Source = one.Source,
            Event = NameOf(one),
            Customer = customer,
            MessageId = one.MessageId,
            Reason = failure.Keyword,
            Pointer = failure.Pointer,
            Detail = Short(failure.Detail),
            ReceivedAt = one.ReceivedAt,
            Format = NativeFormat.FormatName,
            Context = context,
            Body = body,
        };
    }

    /// <summary>Why, in one line that starts with the pointer.</summary>
    public static string Sentence(QuarantineEntry entry) => $"{entry.Pointer} {entry.Detail.TrimEnd('.')}.".TrimStart();

    public static string NameOf(CustomerEvent one) => one.Name ?? one.Type.ToString().ToLowerInvariant();

    private static string Short(string detail) => detail.Length <= DetailLengthMax ? detail : detail[..DetailLengthMax];

    private static string KeyOf(string customer, CustomerEvent one, string what) => KeyOf(
        Encoding.UTF8.GetBytes(what), Encoding.UTF8.GetBytes(customer), Encoding.UTF8.GetBytes(one.MessageId), BitConverter.GetBytes(one.Fingerprint));

    /// <summary>128 bits of a hash over parts, each with its length before it, in hexadecimal.</summary>
    private static string KeyOf(params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            hash.AppendData(BitConverter.GetBytes(part.Length));
            hash.AppendData(part.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
