using System.Collections.Concurrent;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>Compares rows with the profiles they are about, and applies what is newer where that is asked for.</summary>
internal sealed class Reconciler(ImportJob job, RowEvents events, Slices slices, IGrainFactory grains, string workspace) : IRowSink
{
    /// <summary>Profiles that are read at a time.</summary>
    private const int ReadsMax = 64;

    public async Task<ImportProgress> TakeAsync(ImportProgress progress, IReadOnlyList<ImportRow> rows)
    {
        var parsed = events.Of(rows);
        var profiles = await ReadAsync(parsed);
        var count = new FindingsCount(progress.Findings ?? ReconciliationFindings.None);
        var problems = new List<ImportProblem>();
        var repairs = new List<ParsedEvent>();
        for (var index = 0; index < rows.Count; index++)
        {
            if (parsed[index] is not { Event: { } theirs, Customer: { } customer })
            {
                problems.Add(ImportSink.Problem(rows[index], parsed[index], null));
                continue;
            }
            var ours = profiles[customer];
            var compared = Comparison.Of(theirs, ours);
            count.Add(customer, theirs, compared, isMissing: ours is null);
            if (job.Repairs && Comparison.Repair(theirs, compared) is { } repair)
                repairs.Add(new(repair.MessageId, customer, repair, null));
        }
        if (repairs.Count > 0)
            await RepairAsync(repairs, count);
        return ImportSink.With(progress, rows.Count - problems.Count, problems) with { Findings = count.Build() };
    }

    /// <summary>What was repaired is what the profile says afterwards, and not what was sent.</summary>
    private async Task RepairAsync(List<ParsedEvent> repairs, FindingsCount count)
    {
        var receipts = await slices.TakeAsync(repairs, Door.Telling("import"));
        count.OnRepaired(receipts.Count(static receipt => receipt.Status is ReceiptStatus.Accepted or ReceiptStatus.Late));
        var after = await ReadAsync(repairs);
        foreach (var repair in repairs)
        {
            foreach (var one in Comparison.Of(repair.Event!, after[repair.Customer!]).Where(static one => one.Finding == Comparison.Equal))
                count.OnRepaired(one.Field);
        }
    }

    private async Task<ConcurrentDictionary<string, CustomerView?>> ReadAsync(IEnumerable<ParsedEvent> parsed)
    {
        var profiles = new ConcurrentDictionary<string, CustomerView?>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(
            parsed.Where(static one => one.Event is not null).Select(static one => one.Customer!).Distinct(StringComparer.Ordinal),
            new ParallelOptions { MaxDegreeOfParallelism = ReadsMax },
            async (customer, _) => profiles[customer] = await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, customer).ToString()).Peek());
        return profiles;
    }
}

/// <summary>Adds up what is found.</summary>
internal sealed class FindingsCount(ReconciliationFindings before)
{
    /// <summary>Where fields beyond the bound are counted.</summary>
    private const string Others = "*";

    private readonly Dictionary<string, ReconciledField> fields = before.Fields.ToDictionary(static field => field.Name, StringComparer.Ordinal);
    private readonly List<ReconciledValue> samples = [.. before.Samples];
    private readonly Dictionary<string, int> sampled = before.Samples.CountBy(static sample => sample.Finding).ToDictionary();
    private long customersMissing = before.CustomersMissing;
    private long repaired = before.Repaired;

    public void Add(string customer, CustomerEvent theirs, List<Compared> compared, bool isMissing)
    {
        customersMissing += isMissing ? 1 : 0;
        foreach (var one in compared)
        {
            Count(one.Field, field => one.Finding switch
            {
                Comparison.Equal => field with { Equal = field.Equal + 1 },
                Comparison.Missing => field with { Missing = field.Missing + 1 },
                Comparison.Stale => field with { Stale = field.Stale + 1 },
                _ => field with { Conflicting = field.Conflicting + 1 },
            });
            if (one.Finding == Comparison.Equal || sampled.GetValueOrDefault(one.Finding) == ImportProgress.SamplesMax)
                continue;
            sampled[one.Finding] = sampled.GetValueOrDefault(one.Finding) + 1;
            samples.Add(new(
                one.Finding, customer, one.Field, one.Theirs, theirs.OccurredAt, one.Ours?.Value ?? default, one.Ours?.At, one.Ours?.Source));
        }
    }

    public void OnRepaired(int events) => repaired += events;

    public void OnRepaired(string field) => Count(field, static counted => counted with { Repaired = counted.Repaired + 1 });

    public ReconciliationFindings Build() =>
        new(customersMissing, repaired, [.. fields.Values.OrderBy(static field => field.Name, StringComparer.Ordinal)], [.. samples]);

    private void Count(string name, Func<ReconciledField, ReconciledField> change)
    {
        if (!fields.ContainsKey(name) && fields.Count >= ReconciliationFindings.FieldsMax)
            name = Others;
        fields[name] = change(fields.GetValueOrDefault(name) ?? new(name, 0, 0, 0, 0, 0));
    }
}
