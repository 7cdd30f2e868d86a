using System.Globalization;
using System.Text;

namespace Orleans.Personalize.Gateway.SuppressionList;

/// <summary>
/// CSV (RFC 4180) of one line an entry. A spreadsheet takes a cell that starts with = + - @ for a formula, so such a cell is written with an apostrophe
/// before it (https://owasp.org/www-community/attacks/CSV_Injection), which reading takes away again.
/// </summary>
internal static class SuppressionCsv
{
    public const string Header = "address,reason,detail,at,source,decision_id\r\n";

    public static string Line(Suppression entry) =>
        string.Join(',', Cell(entry.Address), entry.Reason, Cell(entry.Detail), entry.At.ToString("O", CultureInfo.InvariantCulture), Cell(entry.Source), Cell(entry.DecisionId)) + "\r\n";

    /// <summary>The cells of a line; null where a quote is not closed. Spreadsheets of some countries write semicolons or tabs between them.</summary>
    public static List<string>? Cells(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var isQuoted = false;
        for (var index = 0; index < line.Length; index++)
        {
            var character = line[index];
            if (character == '"' && isQuoted && index + 1 < line.Length && line[index + 1] == '"')
                cell.Append(line[index++]);
            else if (character == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && character is ',' or ';' or '\t')
                Finish();
            else
                cell.Append(character);
        }
        Finish();
        return isQuoted ? null : cells;

        void Finish()
        {
            var text = cell.ToString().Trim();
            cells.Add(text is ['\'', var first, ..] && IsFormula(first) ? text[1..] : text);
            cell.Clear();
        }
    }

    private static string Cell(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        // Control characters would start another line, or hide something from who reads it.
        var safe = string.Concat(text.Select(static character => char.IsControl(character) ? ' ' : character)).Trim();
        if (safe.Length > 0 && IsFormula(safe[0]))
            safe = $"'{safe}";
        return safe.AsSpan().IndexOfAny("\",;") < 0 ? safe : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static bool IsFormula(char first) => first is '=' or '+' or '-' or '@';
}
