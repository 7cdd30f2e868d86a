using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>Renders slots (registry documents of the kind <see cref="RegistryKind.Slot"/>) with live profiles, keyed by the workspace. Holds nothing.</summary>
[Alias("IContentGrain")]
public interface IContentGrain : IGrainWithStringKey
{
    /// <summary>Answers within about the slot's budget, also where the profile does not.</summary>
    Task<SlotContent> Render(SlotRequest request);
}

public enum SlotForm
{
    /// <summary>JSON with templates at any depth.</summary>
    Json = 0,
    Html = 1,
    /// <summary>The address of an image.</summary>
    Image = 2,
}

/// <param name="KnownVersion">The version of the terms that the caller has already; 0 for none.</param>
[GenerateSerializer, Immutable, Alias("SlotRequest")]
public sealed record SlotRequest(
    [property: Id(0)] string Slot,
    [property: Id(1)] string CustomerId,
    [property: Id(2)] SlotForm Form,
    [property: Id(3)] long KnownVersion);

/// <summary>What came of a rendering: one of json and text, or a reason why neither.</summary>
/// <param name="Terms">Null where the caller has them already, or there is no such slot.</param>
/// <param name="Text">The html, or the address of the image.</param>
/// <param name="Reason">One of <see cref="SlotReason"/>; null for live content.</param>
/// <param name="ProfileVersion">Null where nothing is known of the customer.</param>
[GenerateSerializer, Immutable, Alias("SlotContent")]
public sealed record SlotContent(
    [property: Id(0)] SlotTerms? Terms,
    [property: Id(1)] JsonText Json,
    [property: Id(2)] string? Text,
    [property: Id(3)] string? Reason,
    [property: Id(4)] long? ProfileVersion = null,
    [property: Id(5)] DateTimeOffset? LastSeenAt = null);

/// <summary>What a caller needs of a slot to answer by itself when there is no time left.</summary>
/// <param name="Version">Of the document.</param>
/// <param name="Budget">How long live content may take.</param>
/// <param name="CacheFor">How long a reader may keep live content; zero: not at all.</param>
/// <param name="FallbackJson">Absent where there is none.</param>
[GenerateSerializer, Immutable, Alias("SlotTerms")]
public sealed record SlotTerms(
    [property: Id(0)] long Version,
    [property: Id(1)] TimeSpan Budget,
    [property: Id(2)] TimeSpan CacheFor,
    [property: Id(3)] JsonText FallbackJson,
    [property: Id(4)] string? FallbackHtml,
    [property: Id(5)] string? FallbackImage)
{
    public static readonly TimeSpan BudgetMax = TimeSpan.FromSeconds(1);
}

/// <summary>Why the fallback is shown: the codes that answers and docs share.</summary>
public static class SlotReason
{
    /// <summary>There is no such slot.</summary>
    public const string NoSlot = "no-slot";
    /// <summary>The slot does not have what was asked for.</summary>
    public const string NoForm = "no-form";
    /// <summary>Nothing is known of the customer.</summary>
    public const string Missing = "missing";
    /// <summary>The customer was last seen longer ago than <c>maxStaleness</c>.</summary>
    public const string Stale = "stale";
    /// <summary>It took longer than the budget.</summary>
    public const string Slow = "slow";
    /// <summary>The profile could not be read.</summary>
    public const string Unavailable = "unavailable";
    /// <summary>The template could not be rendered with this profile.</summary>
    public const string Template = "template";
}
