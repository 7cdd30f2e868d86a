using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.SuppressionList;

/// <param name="Added">Addresses that were not on the list.</param>
/// <param name="Known">Lines whose address was on it, or came before in the same import.</param>
/// <param name="Bad">Lines that are no entry.</param>
/// <param name="Errors">The first of them.</param>
internal sealed record ImportResponse(int Added, int Known, int Bad, ImportError[] Errors);

/// <param name="Line">1 for the first.</param>
internal sealed record ImportError(int Line, string Detail);

/// <summary>
/// An import, gathered by shard: each is written once, however many lines there are. The size of the request bounds what is in memory.
/// </summary>
internal sealed class SuppressionImport
{
    private const int ErrorsMax = 100;
    private const int ConcurrencyMax = 8;
    private const string Source = "import";
    private static readonly string[] AddressNames = ["address", "email", "e-mail", "email address"];

    private readonly Dictionary<int, List<Suppression>> shards = [];
    private readonly List<ImportError> errors = [];
    private readonly DateTimeOffset now;
    private int bad, good;

    private SuppressionImport(DateTimeOffset now) => this.now = now;

    /// <exception cref="BadHttpRequestException">It is too large, or of another type.</exception>
    public static async Task<SuppressionImport> ReadAsync(HttpRequest request, DateTimeOffset now)
    {
        var type = MediaTypeHeaderValue.TryParse(request.ContentType, out var parsed) ? parsed.MediaType.ToString().ToLowerInvariant() : "";
        if (type is not ("text/csv" or "text/plain" or "application/x-ndjson" or "application/jsonl"))
            throw new BadHttpRequestException("The content type must be text/csv, text/plain or application/x-ndjson.", StatusCodes.Status415UnsupportedMediaType);
        var import = new SuppressionImport(now);
        using var reader = new StreamReader(request.Body, Encoding.UTF8);
        Dictionary<string, int>? columns = null;
        var isJson = type is "application/x-ndjson" or "application/jsonl";
        var length = 0L;
        for (var number = 1; await reader.ReadLineAsync(request.HttpContext.RequestAborted) is { } line; number++)
        {
            length += line.Length + 1;
            // What is too large is read to its end: most clients listen only then.
            if (string.IsNullOrWhiteSpace(line) || length > Limits.ImportLengthMax)
                continue;
            if (isJson)
                import.TakeJson(number, line);
            else if (SuppressionCsv.Cells(line) is not { } cells)
                import.Refuse(number, "a quote is not closed");
            else if (columns is null && ColumnsOf(cells) is { } header)
                columns = header;
            else
                import.TakeCells(number, cells, columns ??= new() { ["address"] = 0 });
        }
        return length <= Limits.ImportLengthMax ? import : throw new BadHttpRequestException(
            $"The body has more than {Limits.ImportLengthMax} characters; import it in parts.", StatusCodes.Status413PayloadTooLarge);
    }

    /// <exception cref="SuppressionListFullException">A shard has no room; others may have taken their part.</exception>
    public async Task<ImportResponse> StoreAsync(IGrainFactory grains, string workspace)
    {
        var added = 0;
        await Parallel.ForEachAsync(shards, new ParallelOptions { MaxDegreeOfParallelism = ConcurrencyMax }, async (shard, _) =>
        {
            var count = await grains.GetGrain<ISuppressionGrain>(Suppressions.Key(workspace, shard.Key)).Add([.. shard.Value]);
            Interlocked.Add(ref added, count);
        });
        return new(added, good - added, bad, [.. errors]);
    }

    /// <summary>Where the columns are, if the first line is a header.</summary>
    private static Dictionary<string, int>? ColumnsOf(List<string> cells)
    {
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, cell) in cells.Index())
        {
            var name = cell.ToLowerInvariant();
            columns.TryAdd(AddressNames.Contains(name) ? "address" : name, index);
        }
        return columns.ContainsKey("address") ? columns : null;
    }

    private void TakeCells(int line, List<string> cells, Dictionary<string, int> columns)
    {
        string? Cell(string name) => columns.TryGetValue(name, out var index) && index < cells.Count && cells[index].Length > 0 ? cells[index] : null;
        Take(line, Cell("address"), Cell("reason"), Cell("detail"), Cell("at"), Cell("source"), Cell("decision_id"));
    }

    private void TakeJson(int line, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                Refuse(line, "is no JSON object");
                return;
            }
            string? Member(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            Take(line, Member("address") ?? Member("email"), Member("reason"), Member("detail"), Member("at"), Member("source"), Member("decision_id"));
        }
        catch (Exception invalid) when (invalid is JsonException or InvalidOperationException)
        {
            Refuse(line, "is no JSON");
        }
    }

    private void Take(int line, string? address, string? reason, string? detail, string? at, string? source, string? decisionId)
    {
        var canonical = Suppressions.Canonical(address ?? "");
        var since = now;
        if (!Suppressions.IsAddress(canonical))
            Refuse(line, "has no e-mail address");
        else if (reason is not null && !Suppressions.Reasons.Contains(reason))
            Refuse(line, $"the reason must be one of {string.Join(", ", Suppressions.Reasons)}");
        else if (at is not null && !DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out since))
            Refuse(line, "at must be an ISO 8601 date and time");
        else
        {
            good++;
            var shard = Suppressions.ShardOf(canonical);
            if (!shards.TryGetValue(shard, out var entries))
                shards.Add(shard, entries = []);
            entries.Add(new(canonical, reason ?? Suppressions.Import, Short(detail), since, Short(source) ?? Source, Short(decisionId)));
        }
    }

    private void Refuse(int line, string detail)
    {
        bad++;
        if (errors.Count < ErrorsMax)
            errors.Add(new(line, detail));
    }

    private static string? Short(string? text) => Connectors.MailEvent.Cut(text, Suppressions.DetailLengthMax);
}
