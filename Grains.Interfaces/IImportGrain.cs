using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// One import or reconciliation, keyed <c>workspace/id</c>: what is to be done, and how far it is, durably. The rows themselves pass through the gateway that
/// receives them.
/// </summary>
[Alias("IImportGrain")]
public interface IImportGrain : IGrainWithStringKey
{
    /// <summary>Makes it; one that is there stays as it is.</summary>
    Task Create(ImportJob job);

    /// <returns>Null where there is none.</returns>
    Task<ImportView?> Read();

    /// <summary>Stores how far it is, durably.</summary>
    /// <returns>False where it is not the successor of what is stored: another request has gone on with it, or it was cancelled.</returns>
    Task<bool> Record(ImportProgress progress);

    /// <summary>Ends it where it is; one that has ended stays as it is.</summary>
    /// <returns>False where there is none.</returns>
    Task<bool> Cancel();

    /// <summary>Removes all that is stored of it.</summary>
    Task Forget();
}

/// <summary>The newest imports and reconciliations of a workspace, which is its key.</summary>
[Alias("IImportsGrain")]
public interface IImportsGrain : IGrainWithStringKey
{
    /// <summary>So many are kept; the oldest is forgotten for the next.</summary>
    public const int KeptMax = 100;

    Task Add(string id);

    /// <summary>Newest first.</summary>
    Task<string[]> List();
}

/// <summary>What is to be done with the rows of a file.</summary>
[GenerateSerializer, Immutable, Alias("ImportJob")]
public sealed record ImportJob
{
    [Id(0)] public required string Id { get; init; }

    /// <summary><see cref="ImportKind"/>.</summary>
    [Id(1)] public required string Kind { get; init; }

    [Id(2)] public required string Name { get; init; }

    /// <summary><c>csv</c> or <c>ndjson</c>.</summary>
    [Id(3)] public required string Format { get; init; }

    /// <summary>What makes an event of a row: <c>mapping</c>, or of an NDJSON row <c>native</c> or <c>segment</c>.</summary>
    [Id(4)] public required string Rows { get; init; }

    /// <summary>As it was when the job was made.</summary>
    [Id(5)] public JsonText Mapping { get; init; }

    /// <summary>The source's name in events whose row gives none.</summary>
    [Id(6)] public required string Source { get; init; }

    /// <summary>One ASCII character.</summary>
    [Id(7)] public required string Delimiter { get; init; }

    /// <summary>The rows are told afterwards: they set what is known and fire nothing.</summary>
    [Id(8)] public required bool IsHistory { get; init; }

    /// <summary>When a row without an instant of its own is taken to have occurred.</summary>
    [Id(9)] public required DateTimeOffset At { get; init; }

    /// <summary>Bytes of the file, where that was said.</summary>
    [Id(10)] public long? Length { get; init; }

    /// <summary>A reconciliation also applies what is newer.</summary>
    [Id(11)] public bool Repairs { get; init; }

    [Id(12)] public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Of two values of the same instant the one of the higher priority wins.</summary>
    [Id(13)] public int Priority { get; init; }
}

public static class ImportKind
{
    public const string Import = "import";
    public const string Reconciliation = "reconciliation";
}

/// <summary>What has become of a job.</summary>
public static class ImportState
{
    /// <summary>It takes rows.</summary>
    public const string Open = "open";
    public const string Done = "done";
    public const string Cancelled = "cancelled";
    /// <summary>It cannot go on, for what its detail says.</summary>
    public const string Failed = "failed";
}

[GenerateSerializer, Immutable, Alias("ImportView")]
public sealed record ImportView(
    [property: Id(0)] ImportJob Job,
    [property: Id(1)] ImportProgress Progress);

/// <summary>How far a job is: all that is needed to go on with it in another process.</summary>
[GenerateSerializer, Immutable, Alias("ImportProgress")]
public sealed record ImportProgress
{
    /// <summary>Of bad rows, and of each finding of a reconciliation.</summary>
    public const int SamplesMax = 100;

    /// <summary>One more with each that is stored.</summary>
    [Id(0)] public long Revision { get; init; }

    /// <summary><see cref="ImportState"/>.</summary>
    [Id(1)] public string State { get; init; } = ImportState.Open;

    /// <summary>Why it failed.</summary>
    [Id(2)] public string? Detail { get; init; }

    /// <summary>Bytes of the file that are dealt with or in <see cref="Tail"/>.</summary>
    [Id(3)] public long Offset { get; init; }

    /// <summary>The beginning of a row whose end has not come; less than a row may have.</summary>
    [Id(4)] public byte[] Tail { get; init; } = [];

    /// <summary>What comes is the rest of a row that was refused for its length.</summary>
    [Id(5)] public bool IsSkipping { get; init; }

    /// <summary>Of a CSV file, once its first row has come.</summary>
    [Id(6)] public string[]? Columns { get; init; }

    /// <summary>Rows of the file so far, with the header and empty ones: the number of the last.</summary>
    [Id(7)] public long LastRow { get; init; }

    /// <summary>Rows that were new; of a reconciliation, rows that were compared.</summary>
    [Id(8)] public long Applied { get; init; }

    /// <summary>Rows older than what is remembered of their customer: their traits and consent were considered, they count for nothing else.</summary>
    [Id(17)] public long Late { get; init; }

    /// <summary>Rows that were applied before and changed nothing.</summary>
    [Id(9)] public long Duplicates { get; init; }

    [Id(10)] public long Bad { get; init; }

    /// <summary>The first bad rows.</summary>
    [Id(11)] public ImportProblem[] Problems { get; init; } = [];

    [Id(12)] public DateTimeOffset? StartedAt { get; init; }

    [Id(13)] public DateTimeOffset? UpdatedAt { get; init; }

    [Id(14)] public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Of what was stored last.</summary>
    [Id(15)] public double RowsPerSecond { get; init; }

    /// <summary>Of a reconciliation.</summary>
    [Id(16)] public ReconciliationFindings? Findings { get; init; }

    public bool IsOpen => State == ImportState.Open;

    /// <summary>Rows that were dealt with.</summary>
    public long Rows => Applied + Late + Duplicates + Bad;
}

/// <param name="Row">The first row of the file, which in a CSV file is the header, has 1.</param>
/// <param name="Pointer">To what is wrong; empty for the whole row.</param>
[GenerateSerializer, Immutable, Alias("ImportProblem")]
public sealed record ImportProblem(
    [property: Id(0)] long Row,
    [property: Id(1)] string? Customer,
    [property: Id(2)] string Pointer,
    [property: Id(3)] string Detail);

/// <param name="CustomersMissing">Customers of the snapshot of whom nothing is known.</param>
/// <param name="Repaired">Events that a repair applied.</param>
/// <param name="Fields">By name; consent is <c>consent.email</c>. At most <see cref="FieldsMax"/>; what is beyond counts as the field <c>*</c>.</param>
/// <param name="Samples">The first of each kind.</param>
[GenerateSerializer, Immutable, Alias("ReconciliationFindings")]
public sealed record ReconciliationFindings(
    [property: Id(0)] long CustomersMissing,
    [property: Id(1)] long Repaired,
    [property: Id(2)] ReconciledField[] Fields,
    [property: Id(3)] ReconciledValue[] Samples)
{
    /// <summary>A profile keeps no more traits.</summary>
    public const int FieldsMax = 256;

    public static readonly ReconciliationFindings None = new(0, 0, [], []);
}

/// <param name="Missing">Nothing is known of it here.</param>
/// <param name="Stale">Ours differs and is older.</param>
/// <param name="Conflicting">Ours differs and is not older.</param>
/// <param name="Repaired">Values that a repair changed to the snapshot's.</param>
[GenerateSerializer, Immutable, Alias("ReconciledField")]
public sealed record ReconciledField(
    [property: Id(0)] string Name,
    [property: Id(1)] long Equal,
    [property: Id(2)] long Missing,
    [property: Id(3)] long Stale,
    [property: Id(4)] long Conflicting,
    [property: Id(5)] long Repaired);

/// <param name="Finding"><c>missing</c>, <c>stale</c> or <c>conflicting</c>.</param>
/// <param name="Theirs">The snapshot's.</param>
/// <param name="Ours">Absent where there is none.</param>
[GenerateSerializer, Immutable, Alias("ReconciledValue")]
public sealed record ReconciledValue(
    [property: Id(0)] string Finding,
    [property: Id(1)] string Customer,
    [property: Id(2)] string Field,
    [property: Id(3)] JsonText Theirs,
    [property: Id(4)] DateTimeOffset TheirsAt,
    [property: Id(5)] JsonText Ours,
    [property: Id(6)] DateTimeOffset? OursAt,
    [property: Id(7)] string? OursSource);
