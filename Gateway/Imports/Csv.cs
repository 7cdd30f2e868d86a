using System.Buffers;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>
/// CSV (RFC 4180) as UTF-8 bytes, a record at a time. A cell that begins with a quote may hold delimiters and line ends, and a quote in it is doubled; a
/// quote anywhere else is a character like any other. Lines end with LF or CRLF.
/// </summary>
internal static class Csv
{
    /// <summary>Finds the record that a text begins with.</summary>
    /// <param name="isWhole">Nothing comes after the text, so its end ends a record, too.</param>
    /// <param name="cells">Is filled with where the cells are, with their quotes.</param>
    /// <param name="isBroken">A cell goes on after its closing quote.</param>
    /// <returns>The length with the line end; 0 where the record does not end in this text.</returns>
    public static int Read(ReadOnlySpan<byte> text, byte delimiter, bool isWhole, List<Range> cells, out bool isBroken)
    {
        cells.Clear();
        isBroken = false;
        for (var start = 0; ; start++)
        {
            var at = start;
            if (at < text.Length && text[at] == '"')
            {
                at = EndOfQuoted(text, at);
                // The byte after a quote tells whether it was the closing one.
                if (at < 0 || (at == text.Length && !isWhole))
                    return 0;
            }
            var rest = text[at..];
            var length = rest.IndexOfAny(delimiter, (byte)'\n');
            if (length < 0 && !isWhole)
                return 0;
            var end = length < 0 ? text.Length : at + length;
            var isLast = length < 0 || text[end] == '\n';
            var cellEnd = isLast && end > start && text[end - 1] == '\r' ? end - 1 : end;
            isBroken |= at > start && cellEnd != at;
            cells.Add(start..cellEnd);
            if (isLast)
                return length < 0 ? end : end + 1;
            start = end;
        }
    }

    /// <summary>What a cell says.</summary>
    /// <param name="buffer">Has room for the cell; used where quotes are to be taken out.</param>
    public static ReadOnlySpan<byte> Unquote(ReadOnlySpan<byte> cell, Span<byte> buffer)
    {
        if (cell is not [(byte)'"', .. var inner, (byte)'"'])
            return cell;
        if (!inner.Contains((byte)'"'))
            return inner;
        var length = 0;
        for (var at = 0; at < inner.Length; at++)
        {
            buffer[length++] = inner[at];
            if (inner[at] == '"')
                at++;
        }
        return buffer[..length];
    }

    /// <returns>Where a quoted cell ends, after its quote; −1 where it does not.</returns>
    private static int EndOfQuoted(ReadOnlySpan<byte> text, int start)
    {
        for (var at = start + 1; ;)
        {
            var quote = text[at..].IndexOf((byte)'"');
            if (quote < 0)
                return -1;
            at += quote + 1;
            if (at == text.Length || text[at] != '"')
                return at;
            at++;
        }
    }
}
