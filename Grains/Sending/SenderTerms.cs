using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>What all sender documents have in common: <c>{"type","channel","rate":{"max":100,"per":"PT1S"},"concurrency":16,"unknown":"hold"}</c>.</summary>
/// <param name="Rate">Deliveries a second, over the whole cluster; null: as many as there are.</param>
/// <param name="Concurrency">Deliveries under way at the same time, over the whole cluster.</param>
/// <param name="HoldsUnknown">
/// An attempt whose outcome is unknown is not repeated but held until somebody says what became of it: at most one delivery instead of at least one.
/// </param>
public sealed record SenderTerms(double? Rate, int Concurrency, bool HoldsUnknown)
{
    public const int ConcurrencyDefault = 16;

    private const int ConcurrencyMax = 256;
    private const int RateMax = 1_000_000;
    private const int ChannelLengthMax = 64;
    private static readonly TimeSpan RatePerMax = TimeSpan.FromDays(1);

    /// <summary>
    /// Reads what all documents have in common; a wrong type or channel, and members that the type does not have, are noted as errors.
    /// </summary>
    /// <param name="members">What the type has beside them.</param>
    /// <returns>Null where the document is no object.</returns>
    public static SenderTerms? Read(DocumentReader document, ISenderFactory factory, params ReadOnlySpan<string> members)
    {
        if (!document.IsObjectOf(["type", "channel", "rate", "concurrency", "unknown", .. members]))
            return null;
        if (document.Text("type") != factory.Type)
            document.Fail("/type", $"must be \"{factory.Type}\"");
        if (document.Text("channel") is { Length: 0 or > ChannelLengthMax })
            document.Fail("/channel", $"must have 1 to {ChannelLengthMax} characters");
        return Of(document, factory);
    }

    /// <summary>Those of a document that is known to be valid.</summary>
    public static SenderTerms Of(DocumentReader document, ISenderFactory factory) => new(
        document.Member("rate") is { } rate ? RateOf(rate) : null,
        (int)(document.Number("concurrency", 1, ConcurrencyMax, wholeOnly: true) ?? ConcurrencyDefault),
        document.OneOf("unknown", factory.Deduplicates ? "retry" : "hold", "retry", "hold") == "hold");

    private static double? RateOf(DocumentReader rate)
    {
        if (!rate.IsObjectOf("max", "per"))
            return null;
        var max = rate.Number("max", 1, RateMax, wholeOnly: true);
        var per = rate.Duration("per", TimeSpan.FromSeconds(1), RatePerMax);
        if (rate.Member("max") is null)
            rate.Fail("/max", "is required");
        if (rate.Member("per") is null)
            rate.Fail("/per", "is required");
        return (double?)max / per?.TotalSeconds;
    }
}
