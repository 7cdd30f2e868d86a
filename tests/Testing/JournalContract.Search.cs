using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

public abstract partial class JournalContract
{
    [ContractFact]
    public async Task Search_finds_by_the_start_of_the_id_letter_case_aside()
    {
        await CommitAsync(
            Append("shop/Ada", 0, "x"), Append("shop/adam", 0, "x"), Append("shop/ADA2", 0, "x"), Append("shop/bad", 0, "x"),
            Append("shop/Ärger", 0, "x"), Append("shop/a%b", 0, "x"), Append("other/ada", 0, "x"), Append("shop2/ada", 0, "x"));
        Assert.Equal("shop/Ada shop/ADA2 shop/adam", await SearchAsync("aDa"));
        Assert.Equal("shop/Ada shop/ADA2", await SearchAsync("aDa", limit: 2));
        Assert.Equal("shop/Ärger", await SearchAsync("ä"));
        Assert.Equal("shop/a%b", await SearchAsync("a%"));
        Assert.Equal("", await SearchAsync("_"));
        Assert.Equal("", await SearchAsync("da"));
        Assert.Equal("other/ada", await SearchAsync("a", workspace: "other"));
        Assert.Equal("", await SearchAsync("a", workspace: "sho"));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SearchAsync("a", limit: 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SearchAsync("a", limit: JournalLimits.SearchMax + 1));
    }

    [ContractFact]
    public async Task Search_finds_by_the_start_of_the_address_after_those_found_by_id()
    {
        await CommitAsync(
            Append("shop/1", 0, "x", email: "Zed@Example.com"), Append("shop/2", 0, "x", email: "zack@example.com"),
            Append("shop/zed", 0, "x", email: "ZED@example.com"), Append("other/1", 0, "x", email: "zed@example.com"));
        Assert.Equal("shop/zed shop/2 shop/1", await SearchAsync("Z"));
        Assert.Equal("shop/1 shop/zed", await SearchAsync("zed@"));
        var hit = Assert.Single(await Journal.SearchAsync("shop", "1", 10, CancellationToken.None));
        Assert.Equal(new CustomerHit("shop/1", "Zed@Example.com", 1), hit);
    }

    [ContractFact]
    public async Task An_address_is_left_changed_and_cleared()
    {
        await CommitAsync(Append(Ada, 0, "a", email: "first@example.com"));
        await CommitAsync(Append(Ada, 1, "b"));
        Assert.Equal(Ada, await SearchAsync("first"));
        await CommitAsync(Append(Ada, 2, "c", email: "second@example.com"), Append(Ada, 3, "d", email: "Second@example.com"));
        Assert.Equal("", await SearchAsync("first"));
        Assert.Equal("Second@example.com", Assert.Single(await Journal.SearchAsync("shop", "second", 10, CancellationToken.None)).Email);
        await CommitAsync(Touch(Ada, 4, email: ""));
        Assert.Equal("", await SearchAsync("second"));
        Assert.Null(Assert.Single(await Journal.SearchAsync("shop", "ada", 10, CancellationToken.None)).Email);
    }

    [ContractFact]
    public async Task An_address_that_no_store_could_index_does_not_keep_the_facts_from_being_recorded()
    {
        var odd = new[] { "a\0@example.com", "\ud800@example.com", new string('a', JournalLimits.EmailLengthMax + 1) };
        foreach (var (email, i) in odd.Select((email, i) => (email, i)))
            Assert.Equal("c", await CommitAsync(Append(Ada, i, "x", email: email)));
        Assert.Null(Assert.Single(await Journal.SearchAsync("shop", "", 10, CancellationToken.None)).Email);
        Assert.Equal("", await SearchAsync("\0"));
        Assert.Equal("", await SearchAsync("\ud800"));
    }

    [ContractFact]
    public async Task Without_a_text_the_most_recently_written_come_first()
    {
        await CommitAsync(Append(Ada, 0, "x"), Append(Bob, 0, "x"), Append("shop/eve", 0, "x"), Append("other/x", 0, "x"), Append(Ada, 1, "x"));
        Assert.Equal("shop/ada shop/eve shop/bob", await SearchAsync(""));
        Assert.Equal("shop/ada shop/eve", await SearchAsync("", limit: 2));
        Assert.Equal("", await SearchAsync("", workspace: "empty"));
    }

    [ContractFact]
    public async Task Those_long_quiet_follow_by_id()
    {
        await CommitAsync(Append("quiet/b", 0, "x"), Append("quiet/A", 0, "x"));
        await Journal.CommitAsync([.. Enumerable.Range(0, JournalLimits.RecentRecordsMax).Select(i => Append(Bob, i, "x"))], CancellationToken.None);
        Assert.Equal("quiet/A quiet/b", await SearchAsync("", workspace: "quiet"));
        await CommitAsync(Append("quiet/b", 1, "x"));
        Assert.Equal("quiet/b quiet/A", await SearchAsync("", workspace: "quiet"));
    }

    [ContractFact]
    public async Task Search_finds_by_the_start_of_a_term_after_those_found_by_id_and_address()
    {
        await CommitAsync(
            Described("shop/1", 0, "plan:gold", "city:Ulm"), Described("shop/2", 0, "Plan:GOLDEN", "plan:gold"), Described("shop/3", 0, "plan:silver"),
            Append("shop/plan:g", 0, "x"), Append("shop/4", 0, "x", email: "plan:g@example.com"), Described("other/1", 0, "plan:gold"), Described("shop/5", 0));
        Assert.Equal("shop/plan:g shop/4 shop/1 shop/2", await SearchAsync("pLan:g"));
        Assert.Equal("shop/1 shop/2", await SearchAsync("plan:gold"));
        Assert.Equal("shop/1", await SearchAsync("plan:gold", limit: 1));
        Assert.Equal("shop/plan:g shop/4 shop/1 shop/2 shop/3", await SearchAsync("plan:"));
        Assert.Equal("shop/1", await SearchAsync("city:ulm"));
        Assert.Equal("", await SearchAsync("gold"));
        Assert.Equal("", await SearchAsync("lan:gold"));
        Assert.Equal("other/1", await SearchAsync("plan:gold", workspace: "other"));
    }

    [ContractFact]
    public async Task Terms_are_left_replaced_cleared_and_erased()
    {
        await CommitAsync(Described(Ada, 0, "plan:gold", "city:Ulm"));
        await CommitAsync(Append(Ada, 1, "b"));
        Assert.Equal(Ada, await SearchAsync("plan:gold"));
        Assert.Equal("s", await CommitAsync(Described(Ada, 1, "plan:none")));
        Assert.Equal("c", await CommitAsync(Described(Ada, 2, "plan:silver", "city:Ulm")));
        Assert.Equal("", await SearchAsync("plan:gold"));
        Assert.Equal("", await SearchAsync("plan:none"));
        Assert.Equal((Ada, Ada), (await SearchAsync("plan:silver"), await SearchAsync("city:u")));
        await CommitAsync(Touch(Ada, 3) with { Terms = [] }, Described(Bob, 0, "plan:silver"));
        Assert.Equal(Bob, await SearchAsync("plan:silver"));
        await CommitAsync(new JournalWrite.Erase(Bob));
        Assert.Equal("", await SearchAsync("plan:silver"));
        await CommitAsync(Append(Bob, 0, "x"));
        Assert.Equal("", await SearchAsync("plan:silver"));
    }

    [ContractFact]
    public async Task Terms_that_no_store_could_index_and_those_past_the_bound_are_left_out()
    {
        await CommitAsync(Described(
            Ada, 0, ["a\0:b", "\ud800:x", "no colon", "tab:\t", $"long:{new string('x', JournalLimits.TermLengthMax)}", .. Enumerable.Range(0, 20).Select(static n => $"n:{n:00}"), "n:00"]));
        Assert.Equal(Ada, await SearchAsync("n:00"));
        Assert.Equal(Ada, await SearchAsync($"n:{JournalLimits.TermsMax - 1:00}"));
        Assert.Equal("", await SearchAsync($"n:{JournalLimits.TermsMax:00}"));
        Assert.Equal("", await SearchAsync("long:"));
        Assert.Equal("", await SearchAsync("tab:"));
    }

    private static JournalWrite.Append Described(string customer, long expected, params string[] terms) => Append(customer, expected, "x") with { Terms = terms };
}
