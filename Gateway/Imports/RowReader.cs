using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>A row of a file.</summary>
/// <param name="Number">The first row of the file has 1.</param>
/// <param name="Json">An object; of a CSV row its columns that are not empty, as strings. Empty where it is wrong.</param>
/// <param name="Raw">As it stands in the file.</param>
/// <param name="Error">Null unless it is wrong.</param>
internal readonly record struct ImportRow(long Number, byte[] Json, byte[] Raw, DocumentError? Error);

/// <summary>
/// Takes a file apart into rows, however it comes in pieces: what is left of a piece, and what was learnt, are a progress, from which another reader goes
/// on. Where a row ends, and whether it is wrong, depends on the bytes of the file only.
/// </summary>
internal sealed class RowReader(ImportJob job)
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly bool isCsv = job.Format == "csv";
    private readonly byte delimiter = (byte)job.Delimiter[0];
    private readonly List<Range> cells = [];
    private readonly ArrayBufferWriter<byte> json = new();
    private readonly byte[] unquoted = new byte[Limits.ImportRowBytesMax];

    /// <summary>Reads the rows that a piece completes.</summary>
    /// <param name="text">The tail of the progress, and what came after it.</param>
    /// <param name="isWhole">It goes to the end of the file.</param>
    /// <returns>The progress with how far the rows go, what is left as its tail, and failed where the header is of no use.</returns>
    public (List<ImportRow> Rows, ImportProgress Progress) Read(ImportProgress before, ReadOnlySpan<byte> text, bool isWhole)
    {
        var rows = new List<ImportRow>();
        var next = before with { Offset = before.Offset - before.Tail.Length + text.Length, Tail = [] };
        while (!text.IsEmpty)
        {
            if (next.IsSkipping)
            {
                var end = text.IndexOf((byte)'\n');
                text = end < 0 ? [] : text[(end + 1)..];
                next = next with { IsSkipping = end < 0 && !isWhole };
                continue;
            }
            // Some programs mark a file as UTF-8 with three bytes before its first row.
            var mark = next.LastRow == 0 && text is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0;
            var window = text[mark..Math.Min(text.Length, mark + Limits.ImportRowBytesMax)];
            if (window.IsEmpty && isWhole)
                break;
            // A last row without a line end must not be as long as one that would be refused while more may come.
            var isAll = isWhole && window.Length < Limits.ImportRowBytesMax;
            var isBroken = false;
            var length = isCsv ? Csv.Read(window, delimiter, isAll, cells, out isBroken) : LengthOfLine(window, isAll);
            if (length == 0 && !isWhole && window.Length < Limits.ImportRowBytesMax)
            {
                next = next with { Tail = text.ToArray() };
                break;
            }
            next = next with { LastRow = next.LastRow + 1 };
            DocumentError? error = isBroken ? new("", "has text after a closing quote") : null;
            if (length == 0)
                (length, error, next) = Refuse(window, isAll, next);
            next = Take(window[..length], error, next, rows);
            text = text[(mark + length)..];
            if (!next.IsOpen)
                break;
        }
        return (rows, next);
    }

    private static int LengthOfLine(ReadOnlySpan<byte> text, bool isAll) =>
        text.IndexOf((byte)'\n') is >= 0 and var end ? end + 1 : isAll ? text.Length : 0;

    /// <summary>A row that does not end where it should; the next one begins with the next line.</summary>
    private static (int Length, DocumentError Error, ImportProgress Next) Refuse(ReadOnlySpan<byte> window, bool isAll, ImportProgress next)
    {
        var line = window.IndexOf((byte)'\n');
        return line >= 0 || isAll
            ? (line >= 0 ? line + 1 : window.Length, new("", $"opens a quote that is not closed within {Limits.ImportRowBytesMax} bytes"), next)
            : (window.Length, new("", $"is longer than {Limits.ImportRowBytesMax} bytes"), next with { IsSkipping = true });
    }

    private ImportProgress Take(ReadOnlySpan<byte> row, DocumentError? error, ImportProgress next, List<ImportRow> rows)
    {
        var raw = row.TrimEnd("\r\n"u8);
        if (raw.Trim(" \t"u8).IsEmpty)
            return next;
        if (isCsv && next.Columns is null)
            return Header(row, error, next);
        error ??= isCsv ? Defect(row, next.Columns!) : null;
        rows.Add(new(next.LastRow, error is null ? isCsv ? ToJson(row, next.Columns!) : raw.Trim(" \t"u8).ToArray() : [], raw.ToArray(), error));
        return next;
    }

    private ImportProgress Header(ReadOnlySpan<byte> row, DocumentError? error, ImportProgress next)
    {
        if (error is not null || !Utf8.IsValid(row))
            return Failed($"The header {error?.Detail ?? "holds bytes that are not UTF-8"}.");
        var columns = new List<string>();
        foreach (var cell in cells)
        {
            var name = Encoding.UTF8.GetString(Csv.Unquote(row[cell], unquoted)).Trim();
            columns.Add(name.Length > 0 ? name : $"column {columns.Count + 1}");
        }
        return columns.GroupBy(static name => name, StringComparer.Ordinal).FirstOrDefault(static group => group.Count() > 1) is { } twice
            ? Failed($"The header has the column '{twice.Key}' more than once.")
            : next with { Columns = [.. columns] };

        ImportProgress Failed(string detail) => next with { State = ImportState.Failed, Detail = detail };
    }

    private DocumentError? Defect(ReadOnlySpan<byte> row, string[] columns)
    {
        if (cells.Count != columns.Length)
            return new("", $"has {cells.Count} cells where the header has {columns.Length}");
        if (Utf8.IsValid(row))
            return null;
        for (var column = 0; column < columns.Length; column++)
        {
            if (!Utf8.IsValid(row[cells[column]]))
                return new(JsonDefects.Pointer(columns[column]), "holds bytes that are not UTF-8");
        }
        return new("", "holds bytes that are not UTF-8");
    }

    private byte[] ToJson(ReadOnlySpan<byte> row, string[] columns)
    {
        json.ResetWrittenCount();
        using var writer = new Utf8JsonWriter(json, Relaxed);
        writer.WriteStartObject();
        for (var column = 0; column < columns.Length; column++)
        {
            var cell = Csv.Unquote(row[cells[column]], unquoted);
            if (!cell.IsEmpty)
                writer.WriteString(columns[column], cell);
        }
        writer.WriteEndObject();
        writer.Flush();
        return json.WrittenSpan.ToArray();
    }
}
