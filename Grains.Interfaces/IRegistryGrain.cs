using System.Text.Json.Serialization;
using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// The versioned documents of one workspace (its triggers, templates, senders, policies and topics), keyed by the workspace; the grain
/// <see cref="Installation"/> holds the API keys of all workspaces.
/// </summary>
[Alias("IRegistryGrain")]
public interface IRegistryGrain : IGrainWithStringKey
{
    /// <summary>The key of the grain that holds what belongs to no workspace. Not a legal workspace name.</summary>
    public const string Installation = "$installation";

    /// <summary>Validates and stores a document. An unchanged one keeps its version.</summary>
    Task<RegistryPut> Put(string kind, string id, JsonText document);

    /// <summary>The same on a condition, and with a note for the history. What is done to an unchanged document for the first time is a change.</summary>
    Task<RegistryPut> Edit(string kind, string id, JsonText document, RegistryEdit edit);

    /// <summary>What would be wrong with a document, were it put; nothing is stored.</summary>
    [AlwaysInterleave]
    Task<DocumentError[]> Check(string kind, string id, JsonText document);

    /// <returns>False where there was none.</returns>
    /// <exception cref="DocumentInUseException">Others refer to it; nothing was deleted.</exception>
    Task<bool> Delete(string kind, string id);

    /// <summary>The same on a condition, and with a note for the history.</summary>
    Task<RegistryRemoval> Remove(string kind, string id, RegistryEdit edit);

    /// <summary>What was done to a document, newest first, at the most <see cref="RegistryVersion.KeptMax"/>; also to one that is deleted.</summary>
    [AlwaysInterleave]
    Task<RegistryVersion[]> History(string kind, string id);

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
    public const string Topic = "topic";
    public const string Key = "key";
    /// <summary>Content that is rendered when it is looked at.</summary>
    public const string Slot = "slot";
    /// <summary>What all triggers of a channel share; its id is the channel.</summary>
    public const string Policy = "policy";
    /// <summary>Where events come from besides the API: how they are read, and what proves that they are its.</summary>
    public const string Source = "source";
    /// <summary>What the events of one name must look like.</summary>
    public const string Schema = "schema";
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
/// <param name="IsStale">It was neither: another version is stored than the edit was for.</param>
[GenerateSerializer, Immutable, Alias("RegistryPut")]
public sealed record RegistryPut(
    [property: Id(0)] RegistryDocument? Stored,
    [property: Id(1)] bool Created,
    [property: Id(2)] DocumentError[] Errors,
    [property: Id(3)] bool IsStale = false);

/// <param name="Expected">The edit is for any of these versions; 0 stands for there being none, <see cref="Any"/> for there being one. Null: for whatever there is.</param>
/// <param name="Action">What is done, as a word: <c>put</c>, <c>delete</c>, <c>pause</c> …</param>
/// <param name="By">Who: the id of the API key; null for the installation itself.</param>
/// <param name="Reason">Why, for people.</param>
[GenerateSerializer, Immutable, Alias("RegistryEdit")]
public sealed record RegistryEdit(
    [property: Id(0)] long[]? Expected,
    [property: Id(1)] string Action,
    [property: Id(2)] string? By = null,
    [property: Id(3)] string? Reason = null)
{
    public const long Any = -1;

    public bool IsFor(long version) => Expected is null || Expected.Contains(version) || (version > 0 && Expected.Contains(Any));
}

public enum RegistryRemoval
{
    Removed = 0,
    /// <summary>There was none.</summary>
    Missing = 1,
    /// <summary>Another version is stored than the edit was for.</summary>
    Stale = 2,
}

/// <param name="Document">Absent after a deletion, and where it is not kept: of a sender, which holds secrets, and of what is too large or too old.</param>
[GenerateSerializer, Immutable, Alias("RegistryVersion")]
public sealed record RegistryVersion(
    [property: Id(0)] long Version,
    [property: Id(1)] DateTimeOffset At,
    [property: Id(2)] string Action,
    [property: Id(3)] string? By,
    [property: Id(4)] string? Reason,
    [property: Id(5)][property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] JsonText Document)
{
    /// <summary>Of one document: enough for a ramp and what led to it.</summary>
    public const int KeptMax = 20;
}

/// <param name="Pointer">A JSON pointer (RFC 6901) into the document; empty for the whole.</param>
[GenerateSerializer, Immutable, Alias("DocumentError")]
public sealed record DocumentError(
    [property: Id(0)] string Pointer,
    [property: Id(1)] string Detail);

[GenerateSerializer, Immutable, Alias("RegistrySnapshot")]
public sealed record RegistrySnapshot(
    [property: Id(0)] long Version,
    [property: Id(1)] RegistryDocument[] Documents);

/// <summary>The port by which those who read a kind of document say what is wrong with one before it is stored.</summary>
public interface IDocumentRule
{
    /// <summary>One of <see cref="RegistryKind"/>.</summary>
    string Kind { get; }

    /// <summary>All that is wrong with a document; empty where it may be stored. Pure.</summary>
    IReadOnlyCollection<DocumentError> Validate(string id, System.Text.Json.JsonElement document);

    /// <summary>What is wrong with a valid document as a change of the one that is stored; empty where it may take its place. Pure.</summary>
    IReadOnlyCollection<DocumentError> ValidateChange(string id, System.Text.Json.JsonElement document, System.Text.Json.JsonElement stored) => [];
}
