using Orleans.Personalize.Sending;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class TemplateHelperTests
{
    [Theory]
    [InlineData("en", "EUR", "€1,239.80")]
    [InlineData("en-US", "USD", "$1,239.80")]
    [InlineData("en-GB", "GBP", "£1,239.80")]
    [InlineData("en-CA", "USD", "US$1,239.80")]
    [InlineData("en", "JPY", "¥1,240")]
    [InlineData("en", "BHD", "BHD_1,239.800")]
    [InlineData("en", "eur", "€1,239.80")]
    [InlineData("de", "EUR", "1.239,80_€")]
    [InlineData("de_DE", "EUR", "1.239,80_€")]
    [InlineData("de-AT", "EUR", "€_1_239,80")]
    [InlineData("de-CH", "CHF", "CHF_1’239.80")]
    [InlineData("fr", "EUR", "1\u202F239,80_€")]
    [InlineData("es", "EUR", "1239,80_€")]
    [InlineData("nl", "EUR", "€_1.239,80")]
    [InlineData("sv", "SEK", "1_239,80_kr")]
    [InlineData("pl-PL", "PLN", "1239,80_zł")]
    [InlineData("pt", "BRL", "R$_1.239,80")]
    [InlineData("ja-JP", "JPY", "¥1,240")]
    [InlineData("tlh", "EUR", "€1,239.80")]
    [InlineData("", "EUR", "€1,239.80")]
    [InlineData(null, "EUR", "€1,239.80")]
    public void Money_has_the_minor_units_of_its_currency_and_the_form_of_the_profiles_locale(string? locale, string currency, string expected) =>
        Assert.Equal(expected, Localized($"{{{{money cart.total \"{currency}\"}}}}", locale).Replace('\u00A0', '_'));

    [Theory]
    [InlineData("0.005", "€0.01")]
    [InlineData("-0.005", "-€0.01")]
    [InlineData("-1234.5", "-€1,234.50")]
    [InlineData("\"19.90\"", "€19.90")]
    [InlineData("1e15", "€1,000,000,000,000,000.00")]
    public void Money_rounds_half_away_from_zero(string amount, string expected) =>
        Assert.Equal(expected, Text("{{money data.amount 'EUR'}}", WithData($$"""{"amount":{{amount}}}""")));

    [Fact]
    public void Money_without_a_currency_is_an_amount() => Assert.Equal("1.239,80", Localized("{{money cart.total}}", "de"));

    [Fact]
    public void A_documents_locale_and_zone_are_those_of_profiles_without() => Assert.Equal(
        "1.239,80\u00A0€ 21.03.2026 00:30",
        Render(new { locale = "de", timezone = "Europe/Berlin", text = "{{money cart.total 'EUR'}} {{date data.at 'datetime'}}" },
            WithData("""{"at":"2026-03-20T23:30:00Z"}""")).Text);

    [Theory]
    [InlineData("{{number 1234567.891}}", "en", "1,234,567.891")]
    [InlineData("{{number 1234567.891}}", "de", "1.234.567,891")]
    [InlineData("{{number 1234.5}}", "es", "1234,5")]
    [InlineData("{{number 12345.5}}", "es", "12.345,5")]
    [InlineData("{{number 2.50}}", "en", "2.5")]
    [InlineData("{{number 2.5 2}}", "en", "2.50")]
    [InlineData("{{number 0.125 2}}", "en", "0.13")]
    [InlineData("{{number 3}}", "en", "3")]
    public void Numbers_are_written_as_in_the_locale(string template, string locale, string expected) => Assert.Equal(expected, Localized(template, locale));

    [Theory]
    [InlineData("en", null, "short", "3/1/26")]
    [InlineData("en", null, "medium", "Mar 1, 2026")]
    [InlineData("en", null, "long", "March 1, 2026")]
    [InlineData("en", null, "full", "Sunday, March 1, 2026")]
    [InlineData("en", "America/New_York", "datetime", "Mar 1, 2026 5:30 AM")]
    [InlineData("en-GB", "Europe/London", "time", "10:30")]
    [InlineData("de", "Europe/Berlin", "full", "Sonntag, 1. März 2026")]
    [InlineData("de", "Europe/Berlin", "time", "11:30")]
    [InlineData("de-CH", "Pacific/Auckland", "long", "1. März 2026")]
    [InlineData("fr", null, "full", "dimanche 1 mars 2026")]
    [InlineData("es", null, "long", "1 de marzo de 2026")]
    [InlineData("pl", null, "long", "1 marca 2026")]
    [InlineData("ja", null, "long", "2026年3月1日")]
    [InlineData("en", null, "d MMM", "1 Mar")]
    [InlineData("de", null, "dddd, HH 'Uhr'", "Sonntag, 10 Uhr")]
    [InlineData("en", "Mars/Olympus", "time", "10:30 AM")]
    public void Dates_are_written_in_the_profiles_locale_and_zone(string locale, string? zone, string format, string expected) =>
        Assert.Equal(expected, Localized($"{{{{date data.at \"{format}\"}}}}", locale, zone, WithData("""{"at":"2026-03-01T10:30:00.000Z"}""")));

    [Theory]
    [InlineData("{{date '2026-03-01' 'long'}}", "1. März 2026")]
    [InlineData("{{date '2026-03-01'}}", "01.03.2026")]
    [InlineData("{{date now 'long'}}", "21. März 2026")]
    [InlineData("{{date (dateAdd now 'P3D') 'long'}}", "24. März 2026")]
    [InlineData("{{date (dateAdd '2026-03-01' '-P1D') 'long'}}", "28. Februar 2026")]
    [InlineData("{{date (dateAdd now '-PT13H') 'time'}}", "13:00")]
    public void A_day_is_the_same_in_every_zone_and_times_can_be_reckoned_with(string template, string expected) =>
        Assert.Equal(expected, Localized(template, "de", "Pacific/Kiritimati"));

    [Theory]
    [InlineData("en", "0 items, 1 item, 2 items, 1.5 items")]
    [InlineData("fr", "0 item, 1 item, 2 items, 1.5 item")]
    [InlineData("ja", "0 items, 1 items, 2 items, 1.5 items")]
    public void A_plural_follows_the_language_of_the_template(string locale, string expected) => Assert.Equal(expected, Render(
        new { locale, text = "{{#each data.n}}{{this}} {{plural this 'item' 'items'}}{{#unless @last}}, {{/unless}}{{/each}}" },
        WithData("""{"n":[0,1,2,1.5]}""").With(("locale", "\"de\""))).Text);

    [Fact]
    public void A_plural_may_have_three_forms() => Assert.Equal("produktów produkt produkty produktów produktów produkty ", Render(
        new { locale = "pl", text = "{{#each data.n}}{{plural this 'produkt' 'produkty' 'produktów'}} {{/each}}" }, WithData("""{"n":[0,1,3,5,12,22]}""")).Text);

    [Theory]
    [InlineData("{{default traits.nothing 'friend'}}", "friend")]
    [InlineData("{{default data.empty 'friend'}}", "friend")]
    [InlineData("{{default data.none 'friend'}}", "friend")]
    [InlineData("{{default data.name 'friend'}}", "ada lovelace")]
    [InlineData("{{default data.zero 'friend'}}", "0")]
    [InlineData("{{capitalize (default traits.nothing 'friend')}}", "Friend")]
    [InlineData("{{default (upper traits.nothing) 'friend'}}", "friend")]
    [InlineData("{{join data.list}}", "a, b, 3")]
    [InlineData("{{join data.list ' + '}}", "a + b + 3")]
    [InlineData("{{join cart.items ' and ' 'name'}}", "Mug & Saucer and Sofa")]
    [InlineData("{{join (first data.list 2) '/'}}", "a/b")]
    [InlineData("{{#each (first cart.items 1)}}{{name}};{{/each}}", "Mug & Saucer;")]
    [InlineData("{{#each (first nothing 1)}}x{{else}}none{{/each}}", "none")]
    [InlineData("{{upper data.name}} {{lower 'ÄB'}} {{capitalize data.name}} {{capitalize ''}}", "ADA LOVELACE äb Ada lovelace ")]
    [InlineData("{{truncate data.name 5}}|{{truncate data.name 12}}|{{truncate data.name 5 '...'}}|{{truncate data.name 0}}", "ada…|ada lovelace|ada...|")]
    [InlineData("{{truncate data.family 2}}", "👨‍👩‍👧…")]
    [InlineData("{{urlencode data.name}}{{urlencode '&=?/ü'}}", "ada%20lovelace%26%3D%3F%2F%C3%BC")]
    [InlineData("{{json data.list}} {{json data.name}} {{json data.zero}} {{json '</script>'}}", """["a","b",null,3] "ada lovelace" 0 "\u003C/script\u003E" """)]
    [InlineData("{{#if (eq data.name 'ada lovelace')}}y{{/if}}{{#if (eq data.zero 0)}}y{{/if}}{{#if (eq data.zero '0')}}n{{/if}}{{#if (eq data.yes true)}}y{{/if}}", "yyy")]
    [InlineData("{{#if (ne data.name 'x')}}y{{/if}}{{#if (eq data.none traits.nothing)}}y{{/if}}", "yy")]
    [InlineData("{{#if (gt cart.total 1000)}}big{{else if (gte cart.total 100)}}some{{else}}small{{/if}}", "big")]
    [InlineData("{{#if (lt cart.items.length 3)}}few{{/if}}{{#if (lte cart.items.length 2)}}!{{/if}}{{#if (gt traits.nothing 3)}}n{{/if}}", "few!")]
    [InlineData("{{#if (and data.yes (not data.zero) (or traits.nothing data.name))}}y{{/if}}{{#if (or traits.nothing data.empty)}}n{{/if}}", "y")]
    [InlineData("{{#unless (and cart.items.length consent.email)}}u{{/unless}}", "u")]
    public void A_helper_does_what_it_says(string template, string expected) => Assert.Equal(expected, Text(template, WithData(
        """{"empty":"","none":null,"name":"ada lovelace","zero":0,"yes":true,"list":["a","b",null,3],"family":"👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧"}""")).TrimEnd('\u0020') + (expected.EndsWith(' ') ? " " : ""));

    [Theory]
    [InlineData("[{{money traits.nothing 'EUR'}}{{money cart.total traits.nothing}}{{date traits.nothing}}{{plural nothing 'a' 'b'}}{{upper data.none}}{{join nothing}}]")]
    [InlineData("[{{#if (upper nothing)}}x{{/if}}{{#each (join nothing)}}x{{/each}}]")]
    public void Of_what_is_missing_a_helper_makes_nothing(string template) => Assert.Equal("[]", Text(template, WithData("""{"none":null}""")));

    [Theory]
    [InlineData("{{money data.word 'EUR'}}", "money")]
    [InlineData("{{money 5 'EURO'}}", "ISO 4217")]
    [InlineData("{{money 5 'EUR' 'x'}}", "money takes 1 to 2")]
    [InlineData("{{number data.list}}", "number")]
    [InlineData("{{number 1 99}}", "from 0 to 10")]
    [InlineData("{{date data.word}}", "date")]
    [InlineData("{{date '0001-01-01T00:00:00Z'}}", "date")]
    [InlineData("{{date now '%'}}", "no such format")]
    [InlineData("{{date now ''}}", "format")]
    [InlineData("{{dateAdd now 'soon'}}", "ISO 8601")]
    [InlineData("{{dateAdd '9999-12-31' 'P2D'}}", "no such day")]
    [InlineData("{{plural 1 'a'}}", "plural takes 3 to 5")]
    [InlineData("{{truncate 'a' -1}}", "whole number")]
    [InlineData("{{join data.word}}", "join")]
    public void A_helper_that_cannot_do_it_says_so_without_the_value(string template, string detail)
    {
        var fault = Assert.Throws<TemplateException>(() => Text(template, WithData("""{"word":"secret","list":[1,2]}""")));
        Assert.Contains(detail, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_may_have_the_name_of_a_helper() => Assert.Equal(
        "today 7 x today", Text("{{#with data}}{{date}} {{number}} {{#if first}}x{{/if}}{{/with}} {{data.date}}", WithData("""{"date":"today","number":7,"first":true}""")));
}
