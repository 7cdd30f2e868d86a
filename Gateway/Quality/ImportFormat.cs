using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Imports;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>A row of an import as a JSON object, which of CSV has its columns; read as the job said.</summary>
internal sealed class ImportFormat(IGrainFactory grains, TimeProvider time) : IQuarantinedFormat
{
    public const string FormatName = "import";

    public string Name => FormatName;

    public async Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineEntry entry, string fallbackId)
    {
        if (entry.Context.IsAbsent || MailEvent.Text(JsonElement.Parse(entry.Context.Span), "import") is not { } id)
            return [ParsedEvent.Refused("", "came otherwise than by an import: mend it as native")];
        if (await grains.GetGrain<IImportGrain>($"{workspace}/{id}").Read() is not { } view)
            return [ParsedEvent.Refused("", $"came by the import '{id}', which is forgotten: mend it as native")];
        if (entry.Body.AsSpan().TrimStart(" \t\r\n"u8) is not [(byte)'{', ..])
            return [ParsedEvent.Refused("", view.Job.Format == ImportRequest.Csv ? "is no row: mend it as an object of its columns" : "must be an object")];
        return [.. new RowEvents(view.Job, time).Of([new ImportRow(0, entry.Body, entry.Body, null)])];
    }

    public static JsonText ContextOf(ImportJob job) => JsonObjects.Of(("import", JsonObjects.String(job.Id)));
}
