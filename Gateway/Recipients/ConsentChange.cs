using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>A customer's own word on what they want to get.</summary>
/// <param name="Event">What it is called in the profile.</param>
/// <param name="Source">The event's source.</param>
/// <param name="Via">How it was said: <c>one-click</c>, <c>page</c>, <c>preferences</c>.</param>
/// <param name="Consent">By channel or channel/topic.</param>
internal sealed record ConsentChange(string Event, string Source, string Via, SortedDictionary<string, bool> Consent)
{
    public const string Unsubscribed = "Unsubscribed";
    public const string PreferencesUpdated = "Preferences Updated";

    /// <summary>
    /// Applies it; durable when it returns. What is so already changes nothing. The event is named after what it replaces, so that two clicks at once
    /// are one event, and a click on an old mail after a change of mind is another.
    /// </summary>
    public async Task ApplyAsync(IGrainFactory grains, TimeProvider time, LinkClaims claims)
    {
        var customer = grains.GetGrain<ICustomerGrain>(new CustomerKey(claims.Workspace, claims.Customer).ToString());
        var known = (await customer.Read())?.Consent.Where(consent => Consent.ContainsKey(consent.Name)).ToArray() ?? [];
        if (known.Length == Consent.Count && known.All(consent => EventFields.IsBoolean(consent.Value.Span) && Consent[consent.Name] == Allows(consent)))
            return;
        var now = time.GetUtcNow();
        // The last writer wins, and a source whose clock is ahead must not outvote the customer.
        var newest = known.Select(static consent => consent.At).DefaultIfEmpty(DateTimeOffset.MinValue).Max();
        var fingerprint = FingerprintOf(claims, known);
        var receipts = await customer.Apply(
        [
            new CustomerEvent
            {
                MessageId = $"{Source}-{Convert.ToHexStringLower(fingerprint.AsSpan(0, 16))}",
                Type = EventType.Track,
                Name = Event,
                OccurredAt = now > newest ? now : newest.AddMilliseconds(1),
                ReceivedAt = now,
                Source = Source,
                Properties = Json(writer => WriteProperties(writer, claims)),
                Consent = Json(WriteConsent),
                Fingerprint = BitConverter.ToUInt64(fingerprint),
            },
        ]);
        if (receipts is not [{ Status: not (ReceiptStatus.Rejected or ReceiptStatus.Conflict) }])
            throw new JournalException($"The change was refused: {receipts.FirstOrDefault()?.Detail}");
    }

    /// <summary>Whether a consent in a profile is given.</summary>
    public static bool Allows(TraitView consent) => consent.Value.Span.SequenceEqual("true"u8);

    private byte[] FingerprintOf(LinkClaims claims, TraitView[] known)
    {
        string?[] parts =
        [
            claims.Workspace, claims.Customer, claims.Channel, claims.Topic, claims.DecisionId, Event,
            .. Consent.Select(static consent => $"{consent.Key}={consent.Value}"),
            .. known.Select(static consent => $"{consent.Name}<{consent.MessageId}").Order(StringComparer.Ordinal),
        ];
        return SHA256.HashData(Json(writer =>
        {
            writer.WriteStartArray();
            foreach (var part in parts)
                writer.WriteStringValue(part);
            writer.WriteEndArray();
        }).Span);
    }

    private void WriteProperties(Utf8JsonWriter writer, LinkClaims claims)
    {
        writer.WriteStartObject();
        if (claims.Channel is not null)
            writer.WriteString("channel", claims.Channel);
        if (claims.Topic is not null)
            writer.WriteString("topic", claims.Topic);
        if (claims.DecisionId is not null)
            writer.WriteString("decision_id", claims.DecisionId);
        writer.WriteString("via", Via);
        writer.WriteEndObject();
    }

    private void WriteConsent(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var (name, allowed) in Consent)
            writer.WriteBoolean(name, allowed);
        writer.WriteEndObject();
    }

    private static JsonText Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            write(writer);
        return new JsonText(buffer.WrittenSpan.ToArray());
    }
}
