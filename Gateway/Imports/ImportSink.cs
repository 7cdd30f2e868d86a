using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>Applies rows as events.</summary>
internal sealed class ImportSink(ImportJob job, RowEvents events, Slices slices) : IRowSink
{
    public async Task<ImportProgress> TakeAsync(ImportProgress progress, IReadOnlyList<ImportRow> rows)
    {
        var parsed = events.Of(rows);
        // A file of the wrong kind must not crowd out what others have in quarantine.
        var room = Limits.ImportQuarantinedMax - progress.Bad;
        for (var index = 0; index < parsed.Length; index++)
        {
            if (parsed[index].Event is null && room-- <= 0)
                parsed[index] = parsed[index] with { Raw = default };
        }
        var receipts = await slices.TakeAsync(parsed, progress.Bad < Limits.ImportQuarantinedMax ? Door.Of(job) : Door.Of(job) with { TellsEach = true });
        var problems = new List<ImportProblem>();
        int applied = 0, late = 0, duplicates = 0;
        for (var index = 0; index < rows.Count; index++)
        {
            switch (receipts[index].Status)
            {
                case ReceiptStatus.Accepted: applied++; break;
                case ReceiptStatus.Late: late++; break;
                case ReceiptStatus.Duplicate: duplicates++; break;
                default: problems.Add(Problem(rows[index], parsed[index], receipts[index].Detail)); break;
            }
        }
        return With(progress, applied, problems) with { Late = progress.Late + late, Duplicates = progress.Duplicates + duplicates };
    }

    public static ImportProblem Problem(ImportRow row, ParsedEvent parsed, string? refusal) =>
        new(row.Number, parsed.Customer, parsed.Error?.Pointer ?? "", parsed.Error?.Detail ?? refusal ?? "was refused");

    public static ImportProgress With(ImportProgress progress, int applied, List<ImportProblem> problems) => progress with
    {
        Applied = progress.Applied + applied,
        Bad = progress.Bad + problems.Count,
        Problems = progress.Problems.Length == ImportProgress.SamplesMax || problems.Count == 0
            ? progress.Problems
            : [.. progress.Problems.Concat(problems).Take(ImportProgress.SamplesMax)],
    };
}
