using System.Globalization;
using System.Text;

namespace Orleans.Personalize.Senders.Smtp;

/// <summary>
/// Writes a mail as it goes over the wire (RFC 5322, RFC 2045): lines of ASCII that end in CRLF and have at most 76 characters where that can be
/// chosen, bodies in quoted-printable UTF-8. An address with letters beyond ASCII stands in its header as it is (RFC 6532).
/// </summary>
internal static class MimeMessage
{
    private const string LineBreak = "\r\n";

    /// <summary>Of a line with an encoded word (RFC 2047, section 2), and of one of quoted-printable (RFC 2045, section 6.7).</summary>
    private const int LineLengthMax = 76;

    /// <summary>The longest name of a header with words, with what stands behind it.</summary>
    private const string LongestBefore = "Reply-To: ";

    private const string WordStart = "=?utf-8?B?";
    private const string WordEnd = "?=";

    /// <param name="decisionId">
    /// Names the message: its <c>Message-ID</c> is the same on every attempt, so that a repeated one can be recognized.
    /// </param>
    public static byte[] Write(Mail mail, MailAddress from, MailAddress? replyTo, string decisionId, DateTimeOffset at)
    {
        var text = new StringBuilder();
        Header("From", Mailbox(from));
        Header("To", Mailbox(mail.To));
        if (replyTo is not null)
            Header("Reply-To", Mailbox(replyTo));
        Header("Subject", Words(mail.Subject));
        Header("Date", at.ToUniversalTime().ToString("ddd, dd MMM yyyy HH:mm:ss +0000", CultureInfo.InvariantCulture));
        Header("Message-ID", $"<{decisionId}@{from.Domain}>");
        foreach (var (name, value) in Mail.UnsubscribeHeaders(mail.Unsubscribe))
            Header(name, value);
        Header("MIME-Version", "1.0");
        if (mail.Html is null)
        {
            Part("text/plain", mail.Text);
        }
        else
        {
            // No line of quoted-printable holds "=_".
            var boundary = $"=_{decisionId}";
            Header("Content-Type", $"multipart/alternative;{LineBreak} boundary=\"{boundary}\"");
            text.Append(LineBreak);
            foreach (var (type, content) in (ReadOnlySpan<(string, string)>)[("text/plain", mail.Text), ("text/html", mail.Html)])
            {
                text.Append($"--{boundary}{LineBreak}");
                Part(type, content);
            }
            text.Append($"--{boundary}--{LineBreak}");
        }
        return Encoding.UTF8.GetBytes(text.ToString());

        void Header(string name, string value) => text.Append($"{name}: {value}{LineBreak}");

        void Part(string type, string content)
        {
            Header("Content-Type", $"{type}; charset=utf-8");
            Header("Content-Transfer-Encoding", "quoted-printable");
            text.Append(LineBreak);
            QuotedPrintable(text, content);
            text.Append(LineBreak);
        }
    }

    /// <summary>A name and an address; the address on a line of its own, so that none grows too long.</summary>
    internal static string Mailbox(MailAddress address) =>
        address.Name is { } name ? $"{Phrase(name)}{LineBreak} <{address.Email}>" : $"<{address.Email}>";

    /// <summary>As a quoted string (RFC 5322, section 3.2.4) where that is possible, else as encoded words.</summary>
    private static string Phrase(string name) => IsPlain(name)
        ? $"\"{name.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""
        : EncodedWords(name);

    /// <summary>Free text of a header: as it is where it is short and ASCII, else as encoded words.</summary>
    private static string Words(string text) => IsPlain(text) ? text : EncodedWords(text);

    /// <summary>Short, ASCII, and without what would be taken for an encoded word.</summary>
    private static bool IsPlain(string text) =>
        text.Length <= LineLengthMax - LongestBefore.Length - 2 && text.All(letter => letter is >= ' ' and <= '~') && !text.Contains("=?", StringComparison.Ordinal);

    /// <summary>Each word holds whole characters, and begins a line; the blanks between them are not part of the text (RFC 2047, section 6.2).</summary>
    private static string EncodedWords(string text)
    {
        var bytesMax = (LineLengthMax - LongestBefore.Length - WordStart.Length - WordEnd.Length) / 4 * 3;
        var words = new List<string>();
        var bytes = new List<byte>();
        Span<byte> encoded = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            var length = rune.EncodeToUtf8(encoded);
            if (bytes.Count + length > bytesMax)
                Close();
            bytes.AddRange(encoded[..length]);
        }
        Close();
        return string.Join(LineBreak + " ", words);

        void Close()
        {
            words.Add(WordStart + Convert.ToBase64String([.. bytes]) + WordEnd);
            bytes.Clear();
        }
    }

    /// <summary>RFC 2045, section 6.7. Every line break of the text becomes CRLF; a line's last blank and all but printable ASCII is encoded.</summary>
    internal static void QuotedPrintable(StringBuilder output, string text)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var number = 0; number < lines.Length; number++)
        {
            if (number > 0)
                output.Append(LineBreak);
            QuotedPrintableLine(output, Encoding.UTF8.GetBytes(lines[number]));
        }
    }

    private static void QuotedPrintableLine(StringBuilder output, byte[] line)
    {
        var length = 0;
        for (var index = 0; index < line.Length; index++)
        {
            var letter = line[index];
            var isLast = index == line.Length - 1;
            var isPlain = letter is >= (byte)'!' and <= (byte)'~' and not (byte)'=' || letter is (byte)' ' or (byte)'\t' && !isLast;
            var width = isPlain ? 1 : 3;
            // The soft line break itself takes the last place.
            if (length + width > LineLengthMax - (isLast ? 0 : 1))
            {
                output.Append('=').Append(LineBreak);
                length = 0;
            }
            if (isPlain)
                output.Append((char)letter);
            else
                output.Append('=').Append(letter.ToString("X2", CultureInfo.InvariantCulture));
            length += width;
        }
    }
}
