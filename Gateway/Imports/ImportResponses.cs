using System.Text.Json.Nodes;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>The shape that the OpenAPI document shows.</summary>
/// <param name="Format">csv or ndjson.</param>
/// <param name="Rows">What a row is: mapping (the default, with a mapping), or of NDJSON native or segment.</param>
/// <param name="Mapping">What becomes of the columns or members, as in the document of a source.</param>
/// <param name="Source">The source of the events; where there is no mapping, that of this source's document.</param>
/// <param name="Delimiter">Between the cells of CSV: one ASCII character, or tab; a comma by default.</param>
/// <param name="History">true by default: the rows set what is known and fire nothing.</param>
/// <param name="At">When a row without an instant of its own occurred; now by default.</param>
/// <param name="Length">Bytes of the file; with it the end is known from them.</param>
internal sealed record ImportRequestBody(
    string? Name, string Format, string? Rows, JsonObject? Mapping, string? Source, string? Delimiter, bool? History, string? At, long? Length);

/// <inheritdoc cref="ImportRequestBody"/>
/// <param name="Repair">Whether what is missing or stale here is applied.</param>
internal sealed record ReconciliationRequestBody(
    string? Name, string Format, string? Rows, JsonObject? Mapping, string? Source, string? Delimiter, bool? Repair, string? At, long? Length);

/// <param name="State">open, done, cancelled or failed.</param>
/// <param name="Detail">Why it failed.</param>
/// <param name="Offset">So many bytes of the file are dealt with, durably: go on from here.</param>
/// <param name="Percent">Of the file, where its length is known.</param>
/// <param name="RowsPerSecond">Of the last block of rows.</param>
/// <param name="Findings">Of a reconciliation.</param>
internal sealed record JobResponse(
    string Id, string Name, string Format, string Rows, string Source, bool History, string State, string? Detail, long Offset, long? Length, int? Percent,
    JobCounts Counts, double RowsPerSecond, DateTimeOffset At, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? UpdatedAt,
    DateTimeOffset? FinishedAt, FindingsResponse? Findings)
{
    public static JobResponse From(ImportView view)
    {
        var (job, progress) = view;
        return new(
            job.Id, job.Name, job.Format, job.Rows, job.Source, job.IsHistory, progress.State, progress.Detail, progress.Offset, job.Length,
            job.Length is > 0 ? (int)Math.Min(100, progress.Offset * 100 / job.Length.Value) : null,
            new(progress.Rows, progress.Applied, progress.Late, progress.Duplicates, progress.Bad), progress.RowsPerSecond,
            job.At, job.CreatedAt, progress.StartedAt, progress.UpdatedAt, progress.FinishedAt,
            job.Kind == ImportKind.Reconciliation ? FindingsResponse.From(progress.Findings ?? ReconciliationFindings.None) : null);
    }
}

/// <param name="Rows">All that were dealt with, without the header and empty ones.</param>
/// <param name="Applied">New; of a reconciliation: compared.</param>
/// <param name="Late">Older than what is remembered of their customer: their traits and consent were considered, they count for nothing else.</param>
/// <param name="Duplicates">Applied before; nothing changed.</param>
internal sealed record JobCounts(long Rows, long Applied, long Late, long Duplicates, long Bad);

/// <param name="Bad">All of them.</param>
/// <param name="Items">The first hundred.</param>
internal sealed record JobProblems(long Bad, JobProblem[] Items)
{
    public static JobProblems From(ImportProgress progress) =>
        new(progress.Bad, Array.ConvertAll(progress.Problems, static one => new JobProblem(one.Row, one.Customer, one.Pointer, one.Detail)));
}

/// <param name="Row">The first row of the file has 1: in CSV the header.</param>
/// <param name="Customer">Where it could be read.</param>
/// <param name="Pointer">To the column or member; empty for the whole row.</param>
internal sealed record JobProblem(long Row, string? Customer, string Pointer, string Detail);

/// <param name="CustomersMissing">Customers of the snapshot of whom nothing is known.</param>
/// <param name="Repaired">Events that the repair applied.</param>
/// <param name="Samples">The first hundred of each finding.</param>
internal sealed record FindingsResponse(long CustomersMissing, long Repaired, Dictionary<string, FieldResponse> Fields, FindingResponse[] Samples)
{
    public static FindingsResponse From(ReconciliationFindings findings) => new(
        findings.CustomersMissing,
        findings.Repaired,
        findings.Fields.ToDictionary(
            static field => field.Name, static field => new FieldResponse(field.Equal, field.Missing, field.Stale, field.Conflicting, field.Repaired)),
        Array.ConvertAll(findings.Samples, static one => new FindingResponse(
            one.Finding, one.Customer, one.Field, new(one.Theirs), one.TheirsAt, new(one.Ours), one.OursAt, one.OursSource)));
}

/// <param name="Missing">Nothing is known of it here.</param>
/// <param name="Stale">Ours differs and is older.</param>
/// <param name="Conflicting">Ours differs and is as old or newer.</param>
/// <param name="Repaired">Is the snapshot's now.</param>
internal sealed record FieldResponse(long Equal, long Missing, long Stale, long Conflicting, long Repaired);

/// <param name="Finding">missing, stale or conflicting.</param>
internal sealed record FindingResponse(
    string Finding, string Customer, string Field, RawJson Theirs, DateTimeOffset TheirsAt, RawJson Ours, DateTimeOffset? OursAt, string? OursSource);
