using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// A part of a workspace's list of addresses that get no mail, whoever they belong to, keyed by <see cref="Suppressions.Key(string, string)"/>. Addresses
/// are compared in their canonical form, and entries show it.
/// </summary>
[Alias("ISuppressionGrain")]
public interface ISuppressionGrain : IGrainWithStringKey
{
    /// <summary>Why an address gets no mail; null when nothing is known against it.</summary>
    [AlwaysInterleave]
    Task<Suppression?> Find(string address);

    /// <summary>
    /// Puts addresses on the list; durable when it returns. One that is on it keeps its entry: the first reason is the one that counts.
    /// </summary>
    /// <returns>How many were new.</returns>
    /// <exception cref="SuppressionListFullException">There is no room; nothing was added.</exception>
    Task<int> Add(Suppression[] entries);

    /// <returns>False where it was not on the list.</returns>
    Task<bool> Remove(string address);

    /// <summary>Entries in the order of their addresses (by UTF-16 code units).</summary>
    /// <param name="after">Only later ones; null starts at the first.</param>
    /// <param name="limit">1 or more.</param>
    [AlwaysInterleave]
    Task<Suppression[]> List(string? after, int limit);
}

/// <param name="Reason">One of <see cref="Suppressions.Reasons"/>.</param>
/// <param name="Detail">For people; up to <see cref="Suppressions.DetailLengthMax"/> characters.</param>
/// <param name="Source">Who said so: <c>api</c>, <c>import</c>, <c>sendgrid</c>, …</param>
/// <param name="DecisionId">The send that showed it, where one did.</param>
[GenerateSerializer, Immutable, Alias("Suppression")]
public sealed record Suppression(
    [property: Id(0)] string Address,
    [property: Id(1)] string Reason,
    [property: Id(2)] string? Detail,
    [property: Id(3)] DateTimeOffset At,
    [property: Id(4)] string Source,
    [property: Id(5)] string? DecisionId = null);

/// <summary>How addresses are compared and where they are kept.</summary>
public static class Suppressions
{
    /// <summary>How many grains share a workspace's list. A stored number: changing it needs a migration.</summary>
    public const int Shards = 64;

    /// <summary>Entries of one shard. It is written as a whole, so it must stay some megabytes; a workspace has room for more than a million.</summary>
    public const int ShardEntriesMax = 20_000;

    /// <summary>The longest address (RFC 5321, section 4.5.3.1.3, less the angle brackets).</summary>
    public const int AddressLengthMax = 254;

    public const int DetailLengthMax = 256;

    public const string Bounce = "bounce", Complaint = "complaint", Unsubscribe = "unsubscribe", Manual = "manual", Import = "import";

    public static readonly string[] Reasons = [Bounce, Complaint, Unsubscribe, Manual, Import];

    /// <summary>
    /// The form in which addresses are compared: without surrounding white space, in lower case. The part before the @ may by RFC 5321 be case-sensitive; no
    /// provider of today treats it so, and mailing somebody who complained is worse than sparing a namesake.
    /// </summary>
    public static string Canonical(string address) => address.Trim().ToLowerInvariant();

    /// <summary>Whether a text looks enough like an address to be one; the receiving server knows the rest.</summary>
    public static bool IsAddress(string? text) =>
        text is { Length: >= 3 and <= AddressLengthMax }
        && text.IndexOf('@', StringComparison.Ordinal) > 0
        && !text.EndsWith('@')
        && !text.Any(static character => char.IsWhiteSpace(character) || char.IsControl(character) || char.IsSurrogate(character) || character is ',' or ';' or '<' or '>');

    /// <summary>The key of the grain that knows an address.</summary>
    public static string Key(string workspace, string address) => Key(workspace, ShardOf(address));

    public static string Key(string workspace, int shard) => $"{workspace}/{shard}";

    /// <summary>0 to <see cref="Shards"/> − 1: 32-bit FNV-1a over the UTF-16 code units of the canonical address, modulo.</summary>
    public static int ShardOf(string address)
    {
        var hash = 2166136261u;
        foreach (var unit in Canonical(address))
            hash = (hash ^ unit) * 16777619u;
        return (int)(hash % Shards);
    }
}

/// <summary>A shard of the list has no room for more.</summary>
[GenerateSerializer, Alias("SuppressionListFullException")]
public sealed class SuppressionListFullException() : Exception("The list of suppressed addresses is full.");
