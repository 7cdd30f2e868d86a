namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What a connector made of one event: either the event and its customer, or why not.</summary>
/// <param name="MessageId">Null where the source gave none that could be read.</param>
/// <param name="Customer">Null where it could not be read.</param>
/// <param name="Event">Null when refused.</param>
/// <param name="Error">Null unless refused; with a JSON pointer to the field.</param>
/// <param name="Raw">What was refused, as it came, where the connector keeps it; so that it can be mended later.</param>
/// <param name="Origin">What was known of it besides that text, where its source reads it again.</param>
public sealed record ParsedEvent(string? MessageId, string? Customer, CustomerEvent? Event, DocumentError? Error, ReadOnlyMemory<byte> Raw = default, Origin? Origin = null)
{
    internal static ParsedEvent Refused(string pointer, string detail) => new(null, null, null, new DocumentError(pointer, detail));

    /// <summary>Why it was refused, in one line that starts with the pointer.</summary>
    public string? Reason => Error is null ? null : Error.Pointer.Length == 0 ? $"The event {Error.Detail}." : $"{Error.Pointer} {Error.Detail}.";
}
