namespace Orleans.Personalize;

/// <summary>One customer as it was, keyed by <see cref="CustomerKey"/>: folded anew from what the journal holds, away from the live customer.</summary>
[Alias("ICustomerHistoryGrain")]
public interface ICustomerHistoryGrain : IGrainWithStringKey
{
    /// <summary>The most facts that are folded for one answer: some 25 MB, and about a second.</summary>
    public const int FactsMax = 50_000;

    /// <summary>The profile at a version: after its so many facts.</summary>
    Task<PastProfile> AtVersion(long version);

    /// <summary>The profile as it was durable at an instant.</summary>
    Task<PastProfile> At(DateTimeOffset instant);

    /// <summary>The profile at two versions, in one reading; the first of them where there is none of either.</summary>
    /// <param name="from">Not above <paramref name="to"/>.</param>
    Task<PastProfile[]> AtVersions(long from, long to);

    /// <summary>Which writes of traits and consent lost to which, newest first, made of the facts when it is asked for.</summary>
    /// <param name="limit">At least so many where there are as many: what one version brought stays together.</param>
    /// <param name="before">Only those of versions before this one.</param>
    Task<ConflictPage> Conflicts(int limit, long? before);
}

/// <param name="Next">The <c>before</c> of the next page; null where this is the last.</param>
/// <param name="Reason">Why there are none, as a code: one of <see cref="PastReason"/>.</param>
/// <param name="Version">The newest version of the customer.</param>
[GenerateSerializer, Immutable, Alias("ConflictPage")]
public sealed record ConflictPage(
    [property: Id(0)] ConflictView[] Items,
    [property: Id(1)] long? Next,
    [property: Id(2)] string? Reason,
    [property: Id(3)] long Version);

/// <summary>Two writes of one field that did not agree.</summary>
/// <param name="Field">The name of a trait, or <c>consent.email</c> and the like.</param>
/// <param name="Version">The customer's version that brought them together.</param>
/// <param name="Won">newer, priority or message-id.</param>
[GenerateSerializer, Immutable, Alias("ConflictView")]
public sealed record ConflictView(
    [property: Id(0)] string Field,
    [property: Id(1)] long Version,
    [property: Id(2)] string Won,
    [property: Id(3)] TraitView Winner,
    [property: Id(4)] TraitView Loser);

/// <param name="View">Null where there is none.</param>
/// <param name="Reason">Why there is none, as a code: one of <see cref="PastReason"/>.</param>
/// <param name="Version">The newest version of the customer.</param>
[GenerateSerializer, Immutable, Alias("PastProfile")]
public sealed record PastProfile(
    [property: Id(0)] CustomerView? View,
    [property: Id(1)] string? Reason,
    [property: Id(2)] long Version);

/// <summary>Why there is no past profile.</summary>
public static class PastReason
{
    /// <summary>Nothing is known of the customer.</summary>
    public const string Unknown = "unknown";
    /// <summary>The customer has no such version, or was not known yet.</summary>
    public const string Never = "never";
    /// <summary>Facts before it were erased.</summary>
    public const string Erased = "erased";
    /// <summary>It is folded from more than <see cref="ICustomerHistoryGrain.FactsMax"/> facts.</summary>
    public const string TooLong = "too-long";
}
