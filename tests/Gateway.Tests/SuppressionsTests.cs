using System.Text;
using System.Text.RegularExpressions;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class SuppressionsTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task An_address_is_put_found_and_taken_off_however_it_is_written()
    {
        var put = await server.Admin.PutAsync("/v1/suppressions/Ada@Example.com", null);
        Assert.Equal(201, (int)put.StatusCode);
        var entry = await ReadAsync(put);
        Assert.Equal(("ada@example.com", "manual", "api"), (entry.GetProperty("address").GetString(), entry.GetProperty("reason").GetString(), entry.GetProperty("source").GetString()));
        var again = await server.Admin.PutAsync("/v1/suppressions/ada@example.com", Json("""{"reason":"complaint","detail":"by phone"}"""));
        Assert.Equal(200, (int)again.StatusCode);
        Assert.Equal("manual", (await ReadAsync(again)).GetProperty("reason").GetString());

        Assert.Equal(1, await CountAsync("?address=ADA%40example.com"));
        Assert.Equal(0, await CountAsync("?address=bob%40example.com"));
        Assert.Equal(204, (int)(await server.Admin.DeleteAsync("/v1/suppressions/ADA@example.com")).StatusCode);
        await ProblemAsync(404, await server.Admin.DeleteAsync("/v1/suppressions/ada@example.com"));
        Assert.Equal(0, await CountAsync("?address=ada%40example.com"));
    }

    [Fact]
    public async Task An_address_may_hold_a_slash_and_a_plus()
    {
        var address = "a/b+c@example.com";
        Assert.Equal(201, (int)(await server.Admin.PutAsync($"/v1/suppressions/{Uri.EscapeDataString(address)}", null)).StatusCode);
        Assert.NotNull(await server.Grains.Suppressions("default", address).Find(address));
    }

    [Fact]
    public async Task Bad_requests_are_named()
    {
        await ProblemAsync(400, await server.Admin.PutAsync("/v1/suppressions/nobody", null));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/suppressions?address=nobody"));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/suppressions?limit=0"));
        var problem = await ProblemAsync(400, await server.Admin.PutAsync("/v1/suppressions/a@b.c", Json("""{"reason":"dislike"}""")));
        Assert.Equal("/reason", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        await ProblemAsync(415, await server.Admin.PostAsync("/v1/suppressions/import", Json("{}")));
    }

    [Fact]
    public async Task The_list_is_read_a_page_at_a_time_each_entry_once()
    {
        var lines = string.Join('\n', Enumerable.Range(0, 250).Select(static number => $"customer{number}@example.com"));
        await ImportAsync(lines);

        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = await ReadAsync(await server.Admin.GetAsync($"/v1/suppressions?limit=60{(after is null ? "" : $"&after={Uri.EscapeDataString(after)}")}"));
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(static item => item.GetProperty("address").GetString()!));
            after = page.GetProperty("next").GetString();
        }
        while (after is not null);

        Assert.Equal(250, seen.Count);
        Assert.Equal(250, seen.Distinct().Count());
    }

    [Fact]
    public async Task An_import_reports_each_bad_line_and_takes_the_others()
    {
        var result = await ImportAsync("\ufeffEmail;Reason;Detail\r\nada@example.com;bounce;\"550; no such \"\"user\"\"\"\r\n\r\nnobody;;\r\nbob@example.com;dislike\r\ncyd@example.com;\"open\r\n=ADA@example.com\r\n");

        Assert.Equal((2, 0, 3), (result.GetProperty("added").GetInt32(), result.GetProperty("known").GetInt32(), result.GetProperty("bad").GetInt32()));
        Assert.Equal([4, 5, 6], result.GetProperty("errors").EnumerateArray().Select(static error => error.GetProperty("line").GetInt32()));
        var entry = await server.Grains.Suppressions("default", "ada@example.com").Find("ada@example.com");
        Assert.Equal(("bounce", "550; no such \"user\"", "import"), (entry!.Reason, entry.Detail, entry.Source));
    }

    [Fact]
    public async Task A_list_without_a_header_is_addresses()
    {
        var result = await ImportAsync("ada@example.com\nADA@example.com\nbob@example.com", "text/plain");
        Assert.Equal((2, 1, 0), (result.GetProperty("added").GetInt32(), result.GetProperty("known").GetInt32(), result.GetProperty("bad").GetInt32()));
        Assert.Equal("import", (await server.Grains.Suppressions("default", "bob@example.com").Find("bob@example.com"))!.Reason);
    }

    [Fact]
    public async Task Json_lines_are_taken_too()
    {
        var result = await ImportAsync("""
            {"email":"ada@example.com","reason":"complaint","at":"2026-01-31T09:30:00+01:00"}
            {"address":7}
            [1]
            {"address":
            {"address":"\ud800@example.com"}
            {"address":"bob@example.com","at":"yesterday"}
            """, "application/x-ndjson");

        Assert.Equal((1, 5), (result.GetProperty("added").GetInt32(), result.GetProperty("bad").GetInt32()));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 8, 30, 0, TimeSpan.Zero), (await server.Grains.Suppressions("default", "ada@example.com").Find("ada@example.com"))!.At);
    }

    [Fact]
    public async Task An_import_again_changes_nothing()
    {
        await ImportAsync("ada@example.com");
        var result = await ImportAsync("ada@example.com\nbob@example.com");
        Assert.Equal((1, 1), (result.GetProperty("added").GetInt32(), result.GetProperty("known").GetInt32()));
    }

    [Fact]
    public async Task What_is_exported_can_be_imported_and_is_the_same()
    {
        Suppression[] entries =
        [
            new("=cmd@example.com", "manual", "=1+1", new(2026, 1, 1, 1, 2, 3, 456, TimeSpan.Zero), "api"),
            new("+tag@example.com", "bounce", "say \"no\", or; else", new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), "sendgrid", "d1"),
            new("ädä@example.com", "complaint", null, new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), "-mandrill", "@d2"),
        ];
        foreach (var entry in entries)
            await server.Grains.Suppressions("default", entry.Address).Add([entry]);
        using var exported = await server.Admin.GetAsync("/v1/suppressions/export");
        Assert.Equal("text/csv", exported.Content.Headers.ContentType?.MediaType);
        Assert.Equal("attachment", exported.Content.Headers.ContentDisposition?.DispositionType);
        var csv = await exported.Content.ReadAsStringAsync();

        await using var other = await StartAsync();
        var response = await other.Admin.PostAsync("/v1/suppressions/import", new StringContent(csv, Encoding.UTF8, "text/csv"));
        Assert.Equal(3, (await ReadAsync(response)).GetProperty("added").GetInt32());
        foreach (var entry in entries)
            Assert.Equal(entry, await other.Grains.Suppressions("default", entry.Address).Find(entry.Address));
        Assert.Equal(csv, await other.Admin.GetStringAsync("/v1/suppressions/export"));
    }

    [Fact]
    public async Task No_cell_of_an_export_is_a_formula_or_another_line()
    {
        string[] details = ["=1+1", "+1", "-1", "@SUM(A1)", "a\r\n=1+1", "\t=1+1", "\"=1+1\"", ",=1+1"];
        foreach (var (index, detail) in details.Index())
            await server.Grains.Suppressions("default", $"{index}@example.com").Add([new($"{index}@example.com", "manual", detail, default, "api")]);
        var lines = (await server.Admin.GetStringAsync("/v1/suppressions/export")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(details.Length + 1, lines.Length);
        var cells = lines.SelectMany(static line => Regex.Matches(line, "(?<=^|,)(\"(?<cell>([^\"]|\"\")*)\"|(?<cell>[^,\"]*))(?=,|$)", RegexOptions.ExplicitCapture));
        Assert.Equal(6 * lines.Length, cells.Count());
        Assert.All(cells, static cell => Assert.DoesNotMatch("^[=+@\\t\\r-]", cell.Groups["cell"].Value));
    }

    [Fact]
    public async Task An_import_that_is_too_large_is_refused()
    {
        var large = new string('\n', 17 * 1024 * 1024);
        await ProblemAsync(413, await server.Admin.PostAsync("/v1/suppressions/import", new StringContent(large, Encoding.UTF8, "text/csv")));
    }

    [Fact]
    public async Task A_full_list_and_a_storage_without_answer_are_said()
    {
        var shard = server.Grains.Suppressions("default", "ada@example.com");
        shard.Fault = new SuppressionListFullException();
        await ProblemAsync(409, await server.Admin.PutAsync("/v1/suppressions/ada@example.com", null));
        await ProblemAsync(409, await server.Admin.PostAsync("/v1/suppressions/import", new StringContent("ada@example.com", Encoding.UTF8, "text/csv")));
        shard.Fault = new TimeoutException();
        await ProblemAsync(503, await server.Admin.PutAsync("/v1/suppressions/ada@example.com", null));
        await ProblemAsync(503, await server.Admin.PostAsync("/v1/suppressions/import", new StringContent("ada@example.com", Encoding.UTF8, "text/csv")));
    }

    private async Task<System.Text.Json.JsonElement> ImportAsync(string text, string type = "text/csv")
    {
        using var response = await server.Admin.PostAsync("/v1/suppressions/import", new StringContent(text, Encoding.UTF8, type));
        Assert.Equal(200, (int)response.StatusCode);
        return await ReadAsync(response);
    }

    private async Task<int> CountAsync(string query) =>
        (await ReadAsync(await server.Admin.GetAsync($"/v1/suppressions{query}"))).GetProperty("items").GetArrayLength();
}
