using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// The versioned documents of one workspace (its triggers, templates and senders), keyed by the workspace; the grain
/// <see cref="Installation"/> holds the API keys of all workspaces.
/// </summary>
[Alias("IRegistryGrain")]
public interface IRegistryGrain : IGrainWithStringKey
{
    /// <summary>The key of the grain that holds what belongs to no workspace. Not a legal workspace name.</summary>
    public const string Installation = "$installation";

    /// <summary>Validates and stores a document. An unchanged one keeps its version.</summary>
    Task<RegistryPut> Put(string kind, string id, JsonText document);

    /// <returns>False where there was none.</returns>
    /// <exception cref="DocumentInUseException">Others refer to it; nothing was deleted.</exception>
    Task<bool> Delete(string kind, string id);

    [AlwaysInterleave]
    Task<RegistryDocument?> Get(string kind, string id);

    /// <summary>The documents of a kind, ordered by id.</summary>
    [AlwaysInterleave]
    Task<RegistryDocument[]> List(string kind);

    /// <summary>
    /// Everything, as soon as the registry's version is higher than <paramref name="version"/>; null when it was not within about ten seconds (ask
    /// again). A follower starts with −1.
    /// </summary>
    [AlwaysInterleave]
    Task<RegistrySnapshot?> Follow(long version);
}

/// <summary>Other documents need one that was to be deleted.</summary>
[GenerateSerializer, Alias("DocumentInUseException")]
public sealed class DocumentInUseException(string[] users) : Exception($"It is used by {string.Join(", ", users)}.")
{
    /// <summary>The ids of the documents, of the same kind, that refer to it, directly or not.</summary>
    [Id(0)] public string[] Users { get; } = users;
}

/// <summary>The kinds of registry documents.</summary>
public static class RegistryKind
{
    public const string Trigger = "trigger";
    public const string Template = "template";
    public const string Sender = "sender";
    public const string Key = "key";
}

/// <param name="Version">1 for the first document of this id, one more with each change, never reused after a deletion.</param>
[GenerateSerializer, Immutable, Alias("RegistryDocument")]
public sealed record RegistryDocument(
    [property: Id(0)] string Kind,
    [property: Id(1)] string Id,
    [property: Id(2)] long Version,
    [property: Id(3)] DateTimeOffset UpdatedAt,
    [property: Id(4)] JsonText Document);

/// <summary>Either the stored document or what is wrong with it.</summary>
[GenerateSerializer, Immutable, Alias("RegistryPut")]
public sealed record RegistryPut(
    [property: Id(0)] RegistryDocument? Stored,
    [property: Id(1)] bool Created,
    [property: Id(2)] DocumentError[] Errors);

/// <param name="Pointer">A JSON pointer (RFC 6901) into the document; empty for the whole.</param>
[GenerateSerializer, Immutable, Alias("DocumentError")]
public sealed record DocumentError(
    [property: Id(0)] string Pointer,
    [property: Id(1)] string Detail);

[GenerateSerializer, Immutable, Alias("RegistrySnapshot")]
public sealed record RegistrySnapshot(
    [property: Id(0)] long Version,
    [property: Id(1)] RegistryDocument[] Documents);
