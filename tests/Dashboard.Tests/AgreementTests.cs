using System.Globalization;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

[Collection(nameof(Shop))]
public sealed class AgreementTests(Shop shop)
{
    /// <summary>The page lists the newest 50.</summary>
    private const int Customers = 40;

    private const string Draft = """
        {"on":{"event":"Agreed Added"},"wait":{"for":"PT1H","mode":"debounce"},"unless":[{"event":"Agreed Bought"}],
         "if":{"field":"event.properties.price","op":"gte","value":50},"send":{"sender":"email"}}
        """;

    [BrowserFact]
    public async Task A_backtest_in_the_dashboard_decides_what_the_command_line_decides()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : 17;
        var lines = Lines(new Random(seed), DateTimeOffset.UtcNow.AddHours(-20));
        using (var taken = await shop.Api.PostAsync("/v1/batch", Api.Json($$"""{"batch":[{{string.Join(',', lines)}}]}""")))
            Assert.True(taken.IsSuccessStatusCode, await taken.Content.ReadAsStringAsync());
        var expected = await DecideByCommandAsync(lines);
        Assert.True(expected.Select(static one => one.Outcome).Distinct().Count() == 3 && expected.Length < 50, $"seed {seed}: {string.Join(' ', expected.Select(static one => one.Outcome))}");

        await using var tab = await shop.OpenAsync("/triggers/new");
        await tab.Page.GetByLabel("Document, JSON").FillAsync(Draft);
        await tab.Card("Backtest").GetByText("Run", new() { Exact = true }).ClickAsync();
        await Expect(tab.Card("Backtest").Locator(".verdict")).ToBeVisibleAsync();
        var shown = await tab.Page.EvaluateAsync<string[][]>("""
            () => [...document.querySelectorAll('li.sample')].map(row => [row.dataset.key, row.querySelector('a').textContent, row.querySelector('.badge').textContent, row.querySelector('time').dateTime])
            """);

        Assert.Equal(
            expected.OrderBy(static one => one.Id, StringComparer.Ordinal),
            shown.Select(static row => new Decision(row[0], row[1], row[2], Milliseconds(row[3]))).OrderBy(static one => one.Id, StringComparer.Ordinal));
        var sends = expected.Count(static one => one.Outcome == "send");
        await Expect(tab.Card("Backtest")).ToContainTextAsync($"{sends} mails to {expected.Where(static one => one.Outcome == "send").Select(static one => one.Customer).Distinct().Count()} customers");
        tab.AssertNoErrors();
    }

    /// <summary>As <c>silo -- backtest</c> prints them.</summary>
    private static async Task<Decision[]> DecideByCommandAsync(string[] lines)
    {
        var directory = Directory.CreateTempSubdirectory("personalize-agreement-");
        try
        {
            // The id of the trigger is part of a decision's identity; a draft that has none yet is called this.
            var trigger = Path.Combine(directory.FullName, "draft.json");
            await File.WriteAllTextAsync(trigger, Draft);
            await using var program = SiloProcess.Start(["backtest", "--events", "-", "--triggers", trigger], [], string.Join('\n', lines));
            await program.ExitsAsync(0);
            return [.. program.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Api.Parse).Select(static line =>
                new Decision(line.Text("decisionId")!, line.Text("customer")!, line.Text("reason") ?? line.Text("decision")!, Milliseconds(line.Text("at")!)))];
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>Some leave, some buy, some of what is left behind is too cheap; in no order.</summary>
    private static string[] Lines(Random random, DateTimeOffset since)
    {
        var lines = new List<string>();
        for (var customer = 0; customer < Customers; customer++)
        {
            var at = since.AddMilliseconds(random.Next(3_600_000));
            void Happens(string name, string properties) => lines.Add(
                $$"""{"type":"track","event":"{{name}}","messageId":"agreed-{{customer}}-{{lines.Count}}","userId":"agreed-{{customer}}","timestamp":"{{at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}","properties":{{properties}}}""");
            for (var added = random.Next(1, 4); added > 0; added--)
            {
                Happens("Agreed Added", $$"""{"price":{{random.Next(100)}}}""");
                at = at.AddMilliseconds(random.Next(3_500_000));
            }
            if (random.Next(3) == 0)
                Happens("Agreed Bought", "{}");
        }
        var shuffled = lines.ToArray();
        random.Shuffle(shuffled);
        return shuffled;
    }

    /// <summary>A line has milliseconds.</summary>
    private static long Milliseconds(string instant) => DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();

    private sealed record Decision(string Id, string Customer, string Outcome, long At);
}
