insert into revenue (day, region, amount)
select day, region, sum(quantity * price) from orders
where day = cast(cast(:day as text) as date)
group by day, region
having sum(quantity * price) >= cast(:least as numeric)
on conflict (day, region) do update set amount = excluded.amount;
select region, cast(amount as text) as amount from revenue
where day = cast(cast(:day as text) as date) order by region;
