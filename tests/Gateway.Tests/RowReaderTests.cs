using System.Text;
using Orleans.Personalize.Gateway.Imports;

namespace Orleans.Personalize.Tests;

/// <summary>What is in a file does not depend on how it comes.</summary>
public sealed class RowReaderTests
{
    /// <summary>The longest row.</summary>
    private const int RowBytesMax = 32 * 1024;

    [Theory]
    [InlineData("id,name\n1,Ada\n2,Bob\n", """2 {"id":"1","name":"Ada"}|3 {"id":"2","name":"Bob"}""")]
    [InlineData("id,name\r\n1,Ada\r\n\r\n2,Bob", """2 {"id":"1","name":"Ada"}|4 {"id":"2","name":"Bob"}""")]
    [InlineData("\uFEFF\"id\",\"na,me\"\n1,\"a\nb\"\"c\"\n", """2 {"id":"1","na,me":"a\nb\"c"}""")]
    [InlineData("id,height\n1,6\" tall\n", """2 {"id":"1","height":"6\" tall"}""")]
    [InlineData("id,name\n1,\n\"\",x\n", """2 {"id":"1"}|3 {"name":"x"}""")]
    [InlineData("id,\n1,2\n", """2 {"id":"1","column 2":"2"}""")]
    [InlineData("id,name\n1\n2,b,c\n3,\"c\"d\n4,ok\n", """2 has 1 cells where the header has 2|3 has 3 cells where the header has 2|4 has text after a closing quote|5 {"id":"4","name":"ok"}""")]
    [InlineData("id,name\n1,\"never closed\n2,lost\n", """2 opens a quote that is not closed within 32768 bytes|3 {"id":"2","name":"lost"}""")]
    [InlineData("", "")]
    [InlineData("\uFEFF", "")]
    [InlineData("id,name", "")]
    public void Csv_becomes_rows(string text, string expected) => Assert.Equal(expected, Told(Read(Job("csv"), Encoding.UTF8.GetBytes(text), [])));

    [Theory]
    [InlineData("{\"a\":1}\n\n {\"a\":2}\r\n{\"a\":3}", """1 {"a":1}|3 {"a":2}|4 {"a":3}""")]
    [InlineData("\uFEFF{\"a\":\"x\"}\n", """1 {"a":"x"}""")]
    public void Ndjson_becomes_rows(string text, string expected) => Assert.Equal(expected, Told(Read(Job("ndjson"), Encoding.UTF8.GetBytes(text), [])));

    [Theory]
    [InlineData("a,b,a\n1,2,3\n", "The header has the column 'a' more than once.")]
    [InlineData("a,\"b\"c\n1,2\n", "The header has text after a closing quote.")]
    public void A_header_of_no_use_fails_the_import(string text, string detail)
    {
        var (rows, progress) = Read(Job("csv"), Encoding.UTF8.GetBytes(text), []);

        Assert.Equal(("failed", detail), (progress.State, progress.Detail));
        Assert.Empty(rows);
    }

    [Fact]
    public void Bytes_that_are_not_utf8_name_their_column()
    {
        var (rows, _) = Read(Job("csv"), [.. "id,a/b\n1,"u8, 0xFF, .. "\n2,x\n"u8], []);

        Assert.Equal(("/a~1b", "holds bytes that are not UTF-8"), (rows[0].Error!.Pointer, rows[0].Error!.Detail));
        Assert.Null(rows[1].Error);
    }

    [Theory]
    [InlineData("csv")]
    [InlineData("ndjson")]
    public void A_row_that_is_too_long_is_refused_alone(string format)
    {
        var text = Encoding.UTF8.GetBytes($"id\n{new string('x', RowBytesMax * 3)}\n7\n");

        var (rows, _) = Read(Job(format), text, [10, RowBytesMax + 5, RowBytesMax * 2]);

        Assert.Equal($"is longer than {RowBytesMax} bytes", rows.Single(row => row.Error is not null).Error!.Detail);
        Assert.Equal(3, rows[^1].Number);
    }

    [Theory]
    [InlineData("csv")]
    [InlineData("ndjson")]
    public void Any_split_of_a_file_gives_the_same_rows(string format)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var text = Generate(random);
            var whole = Read(Job(format), text, []);
            var splits = Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(text.Length + 1)).Order().ToArray();
            var parts = Read(Job(format), text, splits);

            Assert.True(Told(whole) == Told(parts), $"PERSONALIZE_TESTS_SEED={seed} round {round}, split at {string.Join(", ", splits)}:\n{Told(whole)}\n{Told(parts)}");
            Assert.Equal(
                (whole.Progress.Offset, whole.Progress.LastRow, whole.Progress.State), (parts.Progress.Offset, parts.Progress.LastRow, parts.Progress.State));
        }
    }

    /// <summary>Mostly what CSV is made of, and now and then what fills a row to its bound and beyond.</summary>
    private static byte[] Generate(Random random)
    {
        string[] pieces = ["a", "é€", ",", ",", "\"", "\"\"", "\n", "\r\n", "\n", " ", "{\"x\":1}", "\uFEFF", "\"q,\nr\""];
        var text = new List<byte>();
        if (random.Next(2) == 0)
            text.AddRange("a,b\n"u8);
        for (var count = random.Next(60); count > 0; count--)
        {
            if (random.Next(200) == 0)
                text.AddRange(Enumerable.Repeat((byte)'x', RowBytesMax + random.Next(-3, 4)));
            else if (random.Next(30) == 0)
                text.Add(0xFF);
            else
                text.AddRange(Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)]));
        }
        return [.. text];
    }

    private static (List<ImportRow> Rows, ImportProgress Progress) Read(ImportJob job, byte[] text, int[] splits)
    {
        var rows = new List<ImportRow>();
        var progress = new ImportProgress();
        var start = 0;
        foreach (var end in (int[])[.. splits, text.Length])
        {
            // Each piece by another reader, as after a crash.
            var (some, next) = new RowReader(job).Read(progress, (byte[])[.. progress.Tail, .. text[start..end]], isWhole: false);
            rows.AddRange(some);
            (progress, start) = (next, end);
            if (!progress.IsOpen)
                return (rows, progress with { Offset = 0 });
        }
        var (last, done) = new RowReader(job).Read(progress, progress.Tail, isWhole: true);
        rows.AddRange(last);
        return (rows, done.IsOpen ? done : done with { Offset = 0 });
    }

    private static string Told((List<ImportRow> Rows, ImportProgress Progress) read) => string.Join(
        "|", read.Rows.Select(row => $"{row.Number} {(row.Error is { } error ? error.Detail : Encoding.UTF8.GetString(row.Json))}"));

    internal static ImportJob Job(string format) => new()
    {
        Id = "0", Kind = ImportKind.Import, Name = "test", Format = format, Rows = "mapping", Source = "crm", Delimiter = ",", IsHistory = true,
        At = DateTimeOffset.UnixEpoch, CreatedAt = DateTimeOffset.UnixEpoch,
    };
}
