using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>docs/templates.md, taken at its word.</summary>
public sealed class TemplateDocumentationTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../docs/templates.md"));

    public static TheoryData<string, string> Examples()
    {
        var rows = Regex.Matches(Page.Split("## Helpers")[1].Split("### ")[0], @"^\| `(?<template>[^`]+)` \| `(?<shows>[^`]+)` \|", RegexOptions.Multiline, TimeSpan.FromSeconds(1));
        var examples = new TheoryData<string, string>();
        foreach (Match row in rows)
            examples.Add(row.Groups["template"].Value, row.Groups["shows"].Value);
        return examples;
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_shows_what_it_says(string template, string shows)
    {
        var data = Regex.Match(Page, @"`(?<data>\{""at"".+\})`", RegexOptions.None, TimeSpan.FromSeconds(1)).Groups["data"].Value;
        var job = WithData(data);
        var cart = job.Profile.Cart with { Lines = [job.Profile.Cart.Lines[0] with { Name = "Mug" }, job.Profile.Cart.Lines[1]] };
        Assert.Equal(shows, Localized(template, "en", "America/New_York", job with { Profile = job.Profile with { Cart = cart } }));
    }

    [Fact]
    public void Every_document_is_sound()
    {
        (string, object)[] documents =
        [
            .. Regex.Matches(Page, "^```json\n(?<json>.+?)^```", RegexOptions.Multiline | RegexOptions.Singleline, TimeSpan.FromSeconds(1))
                .Select(match => match.Groups["json"].Value)
                .Select(json => (Document(json).GetProperty("id").GetString()!, (object)json)),
        ];
        Assert.Equal(5, documents.Length);
        Assert.All(documents, document => Assert.Empty(Validate(document.Item2, documents)));
    }

    [Fact]
    public void Every_helper_has_an_example()
    {
        string[] helpers =
        [
            "money", "number", "date", "dateAdd", "plural", "default", "join", "first", "upper", "lower", "capitalize", "truncate", "urlencode", "json",
            "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
        ];
        var examples = string.Join('\n', Examples().Select(row => (string)row[0]));
        Assert.All(helpers, helper => Assert.Matches($@"[({{]{helper} ", examples));
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
